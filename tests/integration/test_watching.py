"""A program under on-crash cannot tell, whatever becomes of pysnap; and snapshots of programs that do not die."""

from __future__ import annotations

import ctypes
import json
import os
import pty
import random
import resource
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
from support_py.attaching import wait_until
from support_py.interpreters import Interpreter, rounds
from support_py.refusing import both_mechanisms, refuse_perf_events
from support_py.watching import is_alone_and_reading, kill_watcher, watched, watcher_of

PROGRAMS = Path(__file__).parent.parent / "programs"
# How often the watcher is killed, for each interpreter.
KILLS = int(os.environ.get("PYSNAP_WATCHER_KILLS", "5"))


PR_SET_CHILD_SUBREAPER = 36


def show(pysnap: Path, file: Path) -> dict[str, Any]:
    shown = subprocess.run([str(pysnap), "show", "--json", str(file)], capture_output=True, check=True)
    result: dict[str, Any] = json.loads(shown.stdout)
    return result


# ---------------------------------------------------------------- what the program can see


def facts(command: list[str]) -> dict[str, Any]:
    result = subprocess.run(
        [*command, str(PROGRAMS / "bare_facts.py"), "an argument", "--", "-o", "x"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0 and result.stderr == "", result.stderr
    line, last = result.stdout.splitlines()
    assert last == "no children"
    found: dict[str, Any] = json.loads(line)
    # Pipes are new for each run.
    found["descriptors"] = [(fd, path.split(":")[0].split("/")[-1]) for fd, path in found["descriptors"]]
    return found


def test_started_as_without(python: Interpreter, pysnap_binary: Path) -> None:
    assert facts([*watched(pysnap_binary), python.path]) == facts([python.path])


def test_is_the_process_that_was_started(python: Interpreter, pysnap_binary: Path) -> None:
    process = subprocess.Popen(
        [*watched(pysnap_binary), python.path, "-c", "import os; print(os.getpid(), os.getppid())"],
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = process.communicate(timeout=60)
    assert output.split() == [str(process.pid), str(os.getpid())]


ECHO = "import sys\nprint('ready', flush=True)\nfor line in sys.stdin:\n    print('got', line, flush=True)"


def test_job_control(python: Interpreter, pysnap_binary: Path) -> None:
    """Whoever started it sees it stop, go on, and be killed."""
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", "/dev/null/x", "--quiet"), python.path, "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=os.setpgrp,
    )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == "ready\n"
    for stop in signal.SIGTSTP, signal.SIGSTOP:
        os.killpg(process.pid, stop)
        status = os.waitpid(process.pid, os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == stop
        os.killpg(process.pid, signal.SIGCONT)
        assert os.WIFCONTINUED(os.waitpid(process.pid, os.WCONTINUED)[1])
        process.stdin.write("one\n")
        process.stdin.flush()
        assert process.stdout.readline() == "got one\n"
        assert process.stdout.readline() == "\n"
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL


def test_terminal(python: Interpreter, pysnap_binary: Path) -> None:
    """Reads the terminal, and is interrupted by ^C."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(str(pysnap_binary), [*watched(pysnap_binary, "-o", "/dev/null/x"), python.path, "-c", ECHO])
    try:
        read_until(terminal, b"ready")
        os.write(terminal, b"one\n")
        read_until(terminal, b"got one")
        # A signal that comes just before the call is noticed only when that ends (Python's own race).
        wait_until(lambda: is_alone_and_reading(pid), "the program to read the next line")
        os.write(terminal, b"\x03")
        read_until(terminal, b"KeyboardInterrupt")
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    finally:
        os.close(terminal)


def read_until(terminal: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 4096)


def test_launchers(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """A program that is reached over other ones by exec."""
    script = tmp_path / "crash.py"
    script.write_text("value = 17\nraise ValueError(value)\n")
    link = tmp_path / "linked-python"
    launchers = [
        ["env", "FOO=1", python.path],
        ["/bin/sh", "-c", 'exec "$0" "$@"', python.path],
        ["nice", "-n", "1", "env", "-i", python.path],
        ["setsid", "-w", python.path],
    ]
    if python.root is None:
        link.symlink_to(python.path)
        launchers.append([str(link)])
    for number, launcher in enumerate(launchers):
        file = tmp_path / f"{number}.pb"
        result = subprocess.run([*watched(pysnap_binary, "-o", file), *launcher, str(script)], capture_output=True)
        assert result.returncode == 1, result.stderr
        exception = show(pysnap_binary, file)["exception"]
        assert exception["frames"][0]["locals"]["value"]["repr"] == "17", launcher


@both_mechanisms
def test_started_with_signals_blocked(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    def block_and_restrict() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        if restrict is not None:
            restrict()

    source = (
        "import signal, threading\n"
        "def fail():\n    [][0]\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\n"
        "print(sorted(signal.sigpending()), signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "{}['gone']\n"
    )
    command = [python.path, "-c", source]
    bare, result = (
        subprocess.run(each, preexec_fn=block_and_restrict, capture_output=True, text=True, timeout=60)
        for each in (command, [*watched(pysnap_binary, "-o", tmp_path), *command])
    )
    assert (result.returncode, result.stdout) == (1, bare.stdout) and bare.stdout.startswith("[] ")
    found = [show(pysnap_binary, file)["exception"]["type"] for file in tmp_path.iterdir()]
    assert sorted(found) == ["IndexError", "KeyError"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to make a PID namespace")
def test_as_the_first_process(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """As PID 1, as in a container: its end is the end of all other processes there."""
    file = tmp_path / "first.pb"
    source = "import os\nassert os.getpid() == 1\ntry:\n    os.wait()\nexcept ChildProcessError:\n    {}['gone']"
    result = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *watched(pysnap_binary, "-o", file), python.path, "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1 and "KeyError: 'gone'" in result.stderr
    snapshot = show(pysnap_binary, file)
    assert snapshot["exception"]["type"] == "KeyError"
    assert snapshot["reason"]["native_id"] == 1


def test_as_a_subreaper(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """The orphans among its descendants become its children; of us it has none that it can wait for."""
    source = (
        "import os\ntry:\n    os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError:\n    print('none', flush=True)\n"
        "if os.fork() == 0:\n    if os.fork() == 0:\n        os._exit(7)\n    os._exit(0)\n"
        "print(sorted(os.wait()[1] for _ in range(2)))\n"
    )
    result = subprocess.run(
        [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", source],
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "none\n[0, 1792]\n", "")


def test_command_that_is_none(pysnap_binary: Path) -> None:
    for command, code in (["/no/such/command"], 5), (["/etc/passwd"], 3):
        result = subprocess.run([*watched(pysnap_binary), *command], capture_output=True, text=True)
        assert result.returncode == code
        assert result.stderr.startswith(f"pysnap: {command[0]}: ") and result.stderr.count("\n") == 1


# ---------------------------------------------------------------- the watcher dies


class Checked:
    """tests/programs/self_checking.py under watch."""

    def __init__(self, command: list[str], prepare: Optional[Callable[[], None]] = None) -> None:
        self.process = subprocess.Popen(
            [*command, str(PROGRAMS / "self_checking.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def check_result(self) -> None:
        output, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 42, output
        assert json.loads(output)["failures"] == []


@pytest.fixture
def randomness() -> random.Random:
    return random.Random(3)


@pytest.mark.timeout(300 + 5 * KILLS)
@both_mechanisms
def test_killed_watcher(
    python: Interpreter,
    pysnap_binary: Path,
    tmp_path: Path,
    randomness: random.Random,
    restrict: Optional[Callable[[], None]],
) -> None:
    def prepare() -> None:
        # One that comes too late for the watcher is the program's.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        if restrict is not None:
            restrict()

    for _ in range(rounds(python, KILLS)):
        checked = Checked([*watched(pysnap_binary, "-o", tmp_path, "--on-signal", "USR2"), python.path], prepare)
        # Sometimes in the middle of a snapshot.
        if randomness.random() < 0.5:
            os.kill(checked.process.pid, signal.SIGUSR2)
        time.sleep(randomness.random() * 0.05)
        watcher = watcher_of(checked.process.pid)
        assert watcher != 0
        os.kill(watcher, signal.SIGKILL)
        checked.check_result()


def test_crash_after_the_watcher_was_killed(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Whatever mechanism: no breakpoint is left that would kill the program."""
    source = (
        "import sys, threading\n"
        "def fail():\n    raise ValueError\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\nsys.exit(1 // 0)\n"
    )
    for restrict in None, refuse_perf_events:
        process = subprocess.Popen(
            [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=restrict,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        kill_watcher(process.pid)
        _, errors = process.communicate("\n", timeout=60)
        assert process.returncode == 1
        assert errors.endswith("ZeroDivisionError: division by zero\n") or "division" in errors
    assert not list(tmp_path.iterdir())


AT_REST = """
import signal, subprocess, sys, time, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
for line in sys.stdin:
    for _ in range(3):
        subprocess.run(["/bin/true"], check=True)
        time.strftime("%Y", time.gmtime(0))
        try:
            int("x")
        except ValueError:
            pass
    print("done", flush=True)
"""


@both_mechanisms
def test_hits_nothing_when_it_has_started_up(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    """What a program does over and over needs no answer of the watcher: each hit would be a moment of danger."""
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", AT_REST],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=restrict,
    )
    try:
        assert process.stdin and process.stdout
        for _ in range(2):
            process.stdin.write(b"go\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"done\n"
        os.kill(watcher_of(process.pid), signal.SIGSTOP)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 60)[0], "it waits for the watcher"
        assert process.stdout.readline() == b"done\n"
        os.kill(watcher_of(process.pid), signal.SIGCONT)
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()


def may_be_realtime() -> bool:
    was = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(21))
    except PermissionError:
        return False
    os.sched_setscheduler(0, *was)
    return True


@pytest.mark.skipif(not may_be_realtime(), reason="real-time scheduling is not permitted")
@pytest.mark.parametrize("policy, priority", [(os.SCHED_OTHER, 0), (os.SCHED_FIFO, 20), (os.SCHED_RR, 20)])
def test_watcher_comes_first(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, policy: int, priority: int
) -> None:
    """The threads of a program do not keep the watcher from what they wait for; and theirs is what they began with."""
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setscheduler(0, policy, os.sched_param(priority)),
    )
    try:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        watcher = watcher_of(process.pid)
        assert os.sched_getscheduler(watcher) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        assert os.sched_getparam(watcher).sched_priority == priority + 1
        assert os.sched_getscheduler(process.pid) == policy
        assert os.sched_getparam(process.pid).sched_priority == priority
    finally:
        process.kill()
        process.communicate()


def test_undisturbed(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    checked = Checked([*watched(pysnap_binary, "-o", tmp_path / "none.pb"), python.path])
    checked.check_result()
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- many crashes, and none that can be written


def test_fifty_threads_at_once(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    script = tmp_path / "crash.py"
    script.write_text(
        "import threading\n"
        "barrier = threading.Barrier(50)\n"
        "def fail(number):\n    barrier.wait()\n    raise ValueError(number)\n"
        "threads = [threading.Thread(target=fail, args=(n,)) for n in range(50)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\nprint('all')\n"
    )
    out = tmp_path / "out"
    out.mkdir()
    command = [*watched(pysnap_binary, "-o", out / "snap.pb"), python.path, str(script)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "all\n")
    found = sorted(int(show(pysnap_binary, file)["exception"]["args"][0]["repr"]) for file in out.iterdir())
    assert found == list(range(50))


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "full"
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(folder)], check=True)
    (folder / "filler").write_bytes(bytes(4096))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(python: Interpreter, pysnap_binary: Path, full_disk: Path) -> None:
    command = [*watched(pysnap_binary, "-o", full_disk), python.path, "-c", "1/0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    own = [line for line in result.stderr.splitlines() if line.startswith("pysnap: ")]
    assert len(own) == 1 and "No space left on device" in own[0], result.stderr
    assert result.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_file_that_may_not_grow(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", "1/0"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )
    assert result.returncode == 1 and "File too large" in result.stderr
    assert not list(tmp_path.iterdir())


def test_attach_to_a_watched_program(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    attach = subprocess.run([str(pysnap_binary), "attach", str(process.pid)], capture_output=True, text=True)
    assert attach.returncode == 3
    assert "is watched by `pysnap on-crash`" in attach.stderr and attach.stderr.count("\n") == 1
    process.communicate("", timeout=60)
    assert process.returncode == 0


# ---------------------------------------------------------------- killed by others


def python_frames(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the main thread."""
    return [frame for frame in snapshot["threads"][0]["frames"] if frame["kind"] == "python"]


def test_killed_from_outside(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    file = tmp_path / "killed.pb"
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", file), python.path, "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    snapshot = show(pysnap_binary, file)
    assert (snapshot["reason"]["kind"], snapshot["reason"]["signal"]) == ("signal", "SIGKILL")
    assert [frame["function"] for frame in python_frames(snapshot)] == ["<module>"]


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A cgroup that has little memory."""
    v1, v2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    base = v1 if v1.is_dir() else v2
    group = base / f"pysnap-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    try:
        limit = group / ("memory.limit_in_bytes" if base == v1 else "memory.max")
        if not limit.exists():
            pytest.skip("the memory of cgroups is not limited here")
        limit.write_text(str(100 << 20))
        yield group
    finally:
        group.rmdir()


def test_killed_for_want_of_memory(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, small_memory: Path
) -> None:
    """The kernel takes the memory of such a process away after two seconds: on a busy machine that may be too early."""
    file = tmp_path / "large.pb"
    source = "import sys\ndef grow():\n    held = []\n    while True:\n        held.append(bytearray(1 << 20))\ngrow()"
    # The watcher stays outside: it would be killed as well.
    wait = [python.path, "-c", f"import os, sys\nsys.stdin.readline()\nos.execv({python.path!r}, sys.argv[1:])"]
    for _ in range(20):
        process = subprocess.Popen(
            [*watched(pysnap_binary, "-o", file, "--max-bytes", "1000000"), *wait, python.path, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        (small_memory / "cgroup.procs").write_text(str(process.pid))
        _, errors = process.communicate("\n", timeout=120)
        assert process.returncode == -signal.SIGKILL, errors
        if "its memory is already taken away" not in errors:
            break
        assert errors.count("\n") == 1 and not file.exists()
    assert "pysnap: wrote" in errors
    snapshot = show(pysnap_binary, file)
    assert (snapshot["reason"]["kind"], snapshot["reason"]["signal"]) == ("signal", "SIGKILL")
    frames = python_frames(snapshot)
    assert [frame["function"] for frame in frames] == ["<module>", "grow"]
    assert frames[1]["locals"]["held"]["length"] > 10


# ---------------------------------------------------------------- children


def test_children(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """By fork, by fork and exec, over a shell; two at the same time."""
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, subprocess, sys\n"
        "def child(number):\n    raise ValueError(number)\n"
        "pids = []\n"
        "for number in (1, 2):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n        child(number)\n"
        "    pids.append(pid)\n"
        "print([os.waitpid(pid, 0)[1] for pid in pids])\n"
        "print(subprocess.run([sys.executable, '-c', 'import os; os.abort()']).returncode)\n"
        "print(subprocess.run(['/bin/sh', '-c', 'kill -9 $$']).returncode)\n"
        "print(subprocess.run(['/bin/sh', '-c', 'exec %s -c \"raise ValueError(3)\"' % sys.executable]).returncode)\n"
    )
    out = tmp_path / "out"
    out.mkdir()
    command = [*watched(pysnap_binary, "--follow-forks", "-o", out), python.path, str(script)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    bare = subprocess.run([python.path, str(script)], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, bare.stdout)
    snapshots = [show(pysnap_binary, file) for file in sorted(out.iterdir())]
    found = [
        snapshot["exception"]["args"][0]["repr"] if snapshot["exception"] else snapshot["reason"]["signal"]
        for snapshot in snapshots
    ]
    assert sorted(found) == ["1", "2", "3", "SIGABRT"]
    assert len({snapshot["process"]["pid"] for snapshot in snapshots}) == 4


MULTIPROCESSING = """
import multiprocessing, os, sys, threading

def fail(number):
    local0 = 21
    raise ValueError(number)
def die():
    os.abort()
def fail_in_a_thread():
    thread = threading.Thread(target=fail, args=(1,), name="worker")
    thread.start()
    thread.join()
def be_caught():
    fail(2)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for target in die, fail_in_a_thread, be_caught:
        process = context.Process(target=target)
        process.start()
        process.join()
        print(process.exitcode, flush=True)
"""


@both_mechanisms
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(
    python: Interpreter,
    pysnap_binary: Path,
    tmp_path: Path,
    method: str,
    restrict: Optional[Callable[[], None]],
) -> None:
    """What its children do not catch themselves; with --all-exits also what they do."""
    script = tmp_path / "processes.py"
    script.write_text(MULTIPROCESSING)
    for options in [], ["--all-exits"]:
        out = tmp_path / f"out{len(options)}"
        out.mkdir()
        result = subprocess.run(
            [*watched(pysnap_binary, "--follow-forks", *options, "-o", out), python.path, str(script), method],
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=restrict,
        )
        assert (result.returncode, result.stdout) == (0, "-6\n0\n1\n"), result.stderr
        own = [line for line in result.stderr.splitlines() if line.startswith("pysnap: ")]
        snapshots = [show(pysnap_binary, file) for file in out.iterdir()]
        snapshots.sort(key=lambda snapshot: str(snapshot["capture"]["time"]))
        assert len(own) == len(snapshots), own
        reasons = [snapshot["reason"] for snapshot in snapshots]
        kinds = [reason["signal"] or reason["exit_code"] or reason["kind"] for reason in reasons]
        assert kinds == ["SIGABRT", "exception", *([1] if options else [])], own
        exception = snapshots[1]["exception"]
        assert (exception["type"], exception["args"][0]["repr"]) == ("ValueError", "1")
        assert exception["frames"][-1]["locals"]["local0"]["repr"] == "21"


def request(port: int, path: str) -> bytes:
    """The body of the answer; empty when the worker has died."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        return answer_of(connection)


def answer_of(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := connection.recv(4096):
            answer += piece
    except ConnectionResetError:
        pass
    return answer.partition(b"\r\n\r\n")[2]


def test_prefork_server(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """A server goes on while its workers crash, two of them at once."""
    process = subprocess.Popen(
        [*watched(pysnap_binary, "--follow-forks", "-o", tmp_path), python.path, str(PROGRAMS / "prefork.py"), "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    port = int(process.stdout.readline())
    raised = request(port, "/thread")
    assert raised
    # Each worker has one of them, and waits for the rest of the request.
    pair = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    for connection in pair:
        connection.sendall(b"GET /crash HTTP/1.0\r\n\r\n")
    for connection in pair:
        with connection:
            assert answer_of(connection) == b""
    replaced = {int(process.stdout.readline().split()[1]) for _ in pair}
    assert int(request(port, "/pid")) > 0
    _, errors = process.communicate("", timeout=60)
    assert process.returncode == 0
    snapshots = [show(pysnap_binary, file) for file in tmp_path.iterdir()]
    assert errors.count("pysnap: wrote ") == len(snapshots)
    reasons = [(snapshot["reason"]["signal"], snapshot["process"]["pid"]) for snapshot in snapshots]
    crashed = {pid for signal, pid in reasons if signal == "SIGSEGV"}
    assert len(crashed) == 2 and crashed == replaced
    exceptions = [snapshot for snapshot in snapshots if snapshot["reason"]["kind"] == "exception"]
    assert [str(snapshot["process"]["pid"]).encode() for snapshot in exceptions] == [raised]
    assert exceptions[0]["exception"]["args"][0]["repr"] == "'/thread'"
    # The workers that are left are ended by SIGTERM, which is a crash of theirs.
    assert sorted(str(reason[0]) for reason in reasons) == ["None", "SIGSEGV", "SIGSEGV", "SIGTERM", "SIGTERM"]


@both_mechanisms
def test_daemon(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    """Who reads a program's output to its end need not wait for the daemon that it leaves, which is still watched."""
    fifo, out = tmp_path / "fifo", tmp_path / "out"
    os.mkfifo(fifo)
    out.mkdir()
    source = (
        "import os\nread, write = os.pipe()\npid = os.fork()\n"
        "if pid == 0:\n"
        "    os.setsid()\n    null = os.open('/dev/null', os.O_RDWR)\n    [os.dup2(null, fd) for fd in range(3)]\n"
        "    os.write(write, b'x')\n    os.close(write)\n"
        f"    open({str(fifo)!r}).read()\n    1 // 0\n"
        "os.read(read, 1)\nprint(pid)\n"
    )
    result = subprocess.run(
        [*watched(pysnap_binary, "--follow-forks", "-o", out), python.path, "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=restrict,
    )
    assert result.returncode == 0 and result.stderr == ""
    with open(fifo, "w"):
        watcher = os.pidfd_open(watcher_of(int(result.stdout)))
    select.select([watcher], [], [])
    os.close(watcher)
    assert [show(pysnap_binary, file)["exception"]["type"] for file in out.iterdir()] == ["ZeroDivisionError"]


def test_children_are_left_alone(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Without --follow-forks: also a forked copy of a program with breakpoints in it."""
    source = (
        "import os, subprocess, sys\n"
        "if os.fork() == 0:\n"
        "    print([line for line in open('/proc/self/status') if line.startswith('TracerPid')], flush=True)\n"
        "    try:\n        1/0\n    finally:\n        sys.stderr.close()\n"
        "print(os.wait()[1])\n"
        "print(subprocess.run([sys.executable, '-c', 'raise SystemExit(7)']).returncode)\n"
    )
    command = [*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", source]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == ["['TracerPid:\\t0\\n']", "256", "7"], result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root to become another user")
def test_setuid_child_keeps_its_privileges(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    if python.root is not None:
        pytest.skip("it is entered as root")
    program = tmp_path / "setuid-id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(0o755)
    source = f"import subprocess\nprint(subprocess.run(['{program}', '-u'], stdout=-1).stdout.decode().strip())"
    command = ["setpriv", "--reuid", "65534", "--clear-groups"]
    if subprocess.run([*command, "test", "-x", python.path]).returncode != 0:
        pytest.skip("another user may not run it")
    command += [*watched(pysnap_binary, "-o", "/tmp"), python.path, "-c", source]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("0\n", "")


# ---------------------------------------------------------------- not only death

WAITING = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
def wait(number):
    print("ready", flush=True)
    for line in sys.stdin:
        number += 1
        print(number, flush=True)
wait(100)
print("end")
"""


def test_on_signal(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", tmp_path / "snap.pb", "--on-signal", "SIGUSR2"), python.path, "-c", WAITING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout and process.stderr
    assert process.stdout.readline() == "ready\n"
    for number in (1, 2):
        os.kill(process.pid, signal.SIGUSR2)
        assert process.stderr.readline().startswith("pysnap: wrote ")
        process.stdin.write("x\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{100 + number}\n"
    os.kill(process.pid, signal.SIGTERM)
    assert process.stdout.readline() == "handled\n"
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "end\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["snap-2.pb", "snap.pb"]
    for name, value in ("snap.pb", "100"), ("snap-2.pb", "101"):
        snapshot = show(pysnap_binary, tmp_path / name)
        assert (snapshot["reason"]["kind"], snapshot["reason"]["signal"]) == ("request", "SIGUSR2")
        frame = snapshot["threads"][0]["frames"][1]
        assert frame["function"] == "wait" and frame["locals"]["number"]["repr"] == value


# Long enough for any interpreter to get to where it waits.
def test_timeout(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*watched(pysnap_binary, "-o", tmp_path / "snap.pb", "--timeout", "3"), python.path, "-c", WAITING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert process.stderr.readline().startswith("pysnap: wrote ")
    output, errors = process.communicate("x\n", timeout=60)
    assert (process.returncode, output, errors) == (0, "ready\n101\nend\n", "")
    snapshot = show(pysnap_binary, tmp_path / "snap.pb")
    assert snapshot["reason"]["kind"] == "timeout"
    assert snapshot["threads"][0]["frames"][1]["function"] == "wait"
