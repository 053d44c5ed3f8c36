"""Programs people really run, attached to again and again while they work.

Each test ends with the program's own result, which must be what it is without pysnap.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest
from support_py.attaching import ATTACHES, Attacher, functions_of, processes_below, read_until, start
from support_py.interpreters import Interpreter, rounds

HERE = Path(__file__).resolve().parent

# Of the interpreter's own tests: quick ones, found in every version, that keep both workers busy.
MODULES = ["test_generators", "test_list"]
if ATTACHES > 10:
    MODULES += ["test_set", "test_json", "test_queue"]


def collect(process: subprocess.Popen[str]) -> tuple[list[str], threading.Thread]:
    """Reads all lines that a process prints, in a thread that ends with them."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or []))
    reader.start()
    return lines, reader


def version_of(python: Interpreter) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", python.version)[:3])


@pytest.mark.timeout(1200)
def test_its_own_test_suite(python: Interpreter, attacher: Attacher, tmp_path: Path) -> None:
    if not python.test_suite:
        pytest.skip("the interpreter's own tests are not installed")
    # Before 3.9.3 a runner with worker processes waits for ever when the last of them ends at the wrong moment
    # (MultiprocessTestRunner._get_result, Lib/test/libregrtest/runtest_mp.py), which it does more often when stopped.
    workers = ["-j2"] if version_of(python) >= (3, 9, 3) else []
    attaches = rounds(python, ATTACHES)
    while attacher.log.attaches < attaches:
        suite = start(python, "-m", "test", *workers, *MODULES, cwd=tmp_path)
        try:
            output, reader = collect(suite)
            while suite.poll() is None and attacher.log.attaches < attaches:
                for pid in processes_below(suite.pid):
                    attacher.attach(pid, may_vanish=True)
            reader.join()
            assert suite.wait() == 0, "".join(output)
            assert f"All {len(MODULES)} tests OK." in "".join(output)
        finally:
            suite.kill()
            suite.wait()


@pytest.mark.timeout(600)
def test_http_server_under_requests(python: Interpreter, attacher: Attacher, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    content = bytes(range(256)) * 400
    (site / "file.bin").write_bytes(content)
    server = start(python, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", cwd=site)
    try:
        assert server.stdout
        line = read_until(server.stdout, r"Serving HTTP on")
        match = re.search(r"port (\d+)", line)
        assert match
        url = f"http://127.0.0.1:{match.group(1)}/file.bin"
        log, reader = collect(server)
        done = threading.Event()
        answers: list[bool] = []
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                while not done.wait(0.01):
                    with urllib.request.urlopen(url, timeout=60) as answer:
                        answers.append(answer.status == 200 and answer.read() == content)
            except BaseException as error:
                errors.append(error)

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for client in clients:
            client.start()
        for _ in range(rounds(python, ATTACHES)):
            snapshot = attacher.attach(server.pid)
            assert snapshot
            main = next(thread for thread in snapshot["threads"] if thread["is_main"])
            assert "serve_forever" in functions_of(main)
        done.set()
        for client in clients:
            client.join()
        assert not errors, errors
        assert answers and all(answers)
        assert server.poll() is None
        server.terminate()
        server.wait()
        reader.join()
        answered = [entry for entry in log if '"GET /file.bin' in entry]
        assert len(answered) == len(answers)
        assert all('" 200 ' in entry for entry in answered)
        assert not [entry for entry in log if "Traceback" in entry]
    finally:
        server.kill()
        server.wait()


# One statement a line: from 3.14 on the console reads no blocks from a pipe.
ASYNC_LINES = """\
import asyncio, ticking
stop = asyncio.Event()
work = asyncio.create_task(ticking.feed(stop))
print("rea" + "dy", flush=True)
"""


@pytest.mark.timeout(600)
def test_asyncio_console(python: Interpreter, attacher: Attacher, tmp_path: Path) -> None:
    console = start(python, "-u", "-m", "asyncio", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HERE)})
    try:
        assert console.stdin and console.stdout
        console.stdin.write(ASYNC_LINES)
        console.stdin.flush()
        read_until(console.stdout, "ready")
        for _ in range(rounds(python, ATTACHES)):
            assert attacher.attach(console.pid)
        console.stdin.write("stop.set()\nprint('right:', await work, flush=True)\n")
        console.stdin.flush()
        assert "right: True" in read_until(console.stdout, "right:|Traceback")
        output, _ = console.communicate(timeout=60)
        assert console.returncode == 0, output
        assert "Traceback" not in output
    finally:
        console.kill()
        console.wait()


IPYTHON_LINES = """\
import threading
class Counter:
    def __init__(self): self.value = 0; self.lock = threading.Lock()
    def add(self):
        with self.lock: self.value += 1

counter = Counter()
def work():
    count = 0
    while not stop.wait(0.0005): counter.add(); count += 1
    return count

stop = threading.Event()
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(3)
jobs = [pool.submit(work) for _ in range(3)]
print("rea" + "dy", flush=True)
"""


@pytest.mark.timeout(600)
def test_ipython(python: Interpreter, attacher: Attacher, ipython_packages: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ipython_packages), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    arguments = ["-u", "-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=NoColor"]
    shell = start(python, *arguments, cwd=tmp_path, env=environment)
    try:
        assert shell.stdin and shell.stdout
        for line in IPYTHON_LINES.splitlines(keepends=True):
            shell.stdin.write(line)
        shell.stdin.flush()
        read_until(shell.stdout, "ready")
        for _ in range(rounds(python, ATTACHES)):
            snapshot = attacher.attach(shell.pid)
            assert snapshot
            assert sum("work" in functions_of(thread) for thread in snapshot["threads"]) == 3
        shell.stdin.write("stop.set()\nprint('right:', sum(j.result() for j in jobs) == counter.value, flush=True)\n")
        shell.stdin.flush()
        assert "right: True" in read_until(shell.stdout, "right:|Traceback")
        shell.stdin.write("pool.shutdown()\nexit()\n")
        output, _ = shell.communicate(timeout=60)
        assert shell.returncode == 0, output
    finally:
        shell.kill()
        shell.wait()


@pytest.mark.timeout(600)
def test_threads_under_load(python: Interpreter, attacher: Attacher, tmp_path: Path) -> None:
    program = start(python, "-u", str(HERE / "threads_under_load.py"), cwd=tmp_path)
    try:
        assert program.stdin and program.stdout
        assert program.stdout.readline() == "ready\n"
        for _ in range(rounds(python, ATTACHES)):
            snapshot = attacher.attach(program.pid)
            assert snapshot
            names = {thread["name"] for thread in snapshot["threads"]}
            assert {f"worker-{number}" for number in range(8)} <= names, names
        output, _ = program.communicate("stop\n", timeout=120)
        assert program.returncode == 0, output
        assert output == "right\n"
    finally:
        program.kill()
        program.wait()
