"""The process that writes a snapshot under on-crash: what goes on beside it, and what its end costs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Callable, Iterator, Optional

from support_py.interpreters import Interpreter
from support_py.refusing import both_mechanisms
from support_py.watching import watched, watcher_of

# A child fails, and its parent when that is being written.
TWO_CRASHES = """
import os, sys, threading
held = [[number] for number in range(300000)]
def fail():
    os.read(0, 1)
    print(threading.get_native_id(), flush=True)
    raise KeyError("meanwhile")
thread = threading.Thread(target=fail)
thread.start()
print("ready", flush=True)
child = os.fork()
if child == 0:
    raise ValueError(len(held))
thread.join()
print(os.waitpid(child, 0)[1], flush=True)
"""

ONE_AFTER_THE_OTHER = """
import threading
held = [[number] for number in range(300000)]
def fail():
    raise ValueError(len(held))
print("ready", flush=True)
for _ in range(2):
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
print("the end", flush=True)
"""

# It takes long to look at, and its report of the exception imports a module at the next moment, which is where
# a breakpoint is.
REPORT_WITH_BREAKPOINTS = """
import sys, threading
held = [[number] for number in range(300000)]
def report(args):
    for _ in range(30):
        sys.__excepthook__(*args[:3])
threading.excepthook = report
def fail():
    print(threading.get_native_id(), flush=True)
    raise ValueError(len(held))
print("ready", flush=True)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
print("the end", flush=True)
"""


def start(
    pysnap: Path, python: Interpreter, source: str, out: Path, restrict: Optional[Callable[[], None]]
) -> subprocess.Popen[str]:
    out.mkdir()
    process = subprocess.Popen(
        [*watched(pysnap, "--follow-forks", "-o", out), python.path, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=restrict,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def is_held(pid: int, tid: int) -> bool:
    """The thread is stopped, and its tracer has taken what it was stopped with (the kernel shows that as exit_code)."""
    fields = Path(f"/proc/{pid}/task/{tid}/stat").read_text().rpartition(")")[2].split()
    return fields[0] == "t" and fields[-1] == "0"


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def writers(watcher: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{watcher}/task/{watcher}/children").read_text().split()]


def await_writer(watcher: int) -> int:
    while not (pids := writers(watcher)):
        pass
    return pids[0]


def await_writing(writer: int, folder: Path) -> None:
    """Until it has opened the snapshot's file there, which has no name."""
    fds = Path(f"/proc/{writer}/fd")
    while not any(link.startswith(f"{folder}/") for link in links_of(fds)):
        os.sched_yield()


def links_of(fds: Path) -> Iterator[str]:
    for fd in fds.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(fd)


@both_mechanisms
def test_watcher_killed_while_another_process_fails(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    process = start(pysnap_binary, python, TWO_CRASHES, tmp_path / "out", restrict)
    assert process.stdin and process.stdout
    watcher = watcher_of(process.pid)
    writer = await_writer(watcher)
    await_writing(writer, tmp_path / "out")
    os.kill(writer, signal.SIGSTOP)
    process.stdin.write("\n")
    process.stdin.flush()
    second = int(process.stdout.readline())
    while not (is_held(process.pid, second) and state_of(watcher) == "S"):
        os.sched_yield()
    os.kill(watcher, signal.SIGKILL)
    os.kill(writer, signal.SIGCONT)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "256\n"), errors


@both_mechanisms
def test_watcher_killed_while_the_process_is_held(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    """Its threads go on at once; nobody can clear their breakpoints so soon."""
    process = start(pysnap_binary, python, REPORT_WITH_BREAKPOINTS, tmp_path / "out", restrict)
    assert process.stdout
    thread = int(process.stdout.readline())
    watcher = watcher_of(process.pid)
    while not (is_held(process.pid, thread) and (is_held(process.pid, process.pid) or writers(watcher))):
        os.sched_yield()
    os.kill(watcher, signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "the end\n"), errors


@both_mechanisms
def test_writer_killed(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    """That snapshot is lost, which is said; the next is taken."""
    process = start(pysnap_binary, python, ONE_AFTER_THE_OTHER, tmp_path / "out", restrict)
    os.kill(await_writer(watcher_of(process.pid)), signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "the end\n"), errors
    own = [line for line in errors.splitlines() if line.startswith("pysnap: ")]
    assert own[0] == "pysnap: on-crash: the process that decoded it was killed by SIGKILL"
    assert len(own) == 2 and re.match(r"pysnap: wrote .*\.pb ", own[1]), own
