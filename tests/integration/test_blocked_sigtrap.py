"""Programs that block SIGTRAP, by which a breakpoint shows, under on-crash."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Callable, Optional

from support_py.attaching import wait_until
from support_py.interpreters import Interpreter
from support_py.refusing import both_mechanisms
from support_py.watching import is_alone_and_reading, kill_watcher, watched

# A breakpoint is in what makes objects like struct_time, once a thread was started.
HIT = """
import signal, sys, threading, time
thread = threading.Thread(target=int)
thread.start()
thread.join()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTRAP})
time.struct_time(range(9))
print("hit", flush=True)
sys.stdin.readline()
print(signal.sigpending(), flush=True)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTRAP})
print("lives", flush=True)
"""

OF_ITS_OWN = """
import os, signal, sys, threading, time
threading.Thread(target=int).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTRAP})
signal.pthread_kill(threading.get_ident(), signal.SIGTRAP)
for i in range(50):
    time.struct_time(range(9))
print(signal.sigwait([signal.SIGTRAP]) == signal.SIGTRAP)
"""


def start(command: list[str], prepare: Optional[Callable[[], None]] = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )


@both_mechanisms
def test_unblocked_when_nobody_watches(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, restrict: Optional[Callable[[], None]]
) -> None:
    """No signal is left to a program by a breakpoint, which would kill it."""
    process = start([*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", HIT], restrict)
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "hit\n"
    if restrict is None:
        assert "blocks SIGTRAP" in process.stderr.readline()
    # Not while it still runs: a hit in the very moment of the kill is another matter (docs/watched-programs.md).
    wait_until(lambda: is_alone_and_reading(process.pid), "the program to read a line")
    kill_watcher(process.pid)
    output, errors = process.communicate("\n", timeout=60)
    assert (process.returncode, output, errors) == (0, "set()\nlives\n", "")


def test_own_signal_stays(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """What the program has sent to itself is not taken for a breakpoint's."""
    process = start([*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", OF_ITS_OWN])
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "True\n", "")


def test_exception(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Whether it is seen or not: it is reported as without pysnap."""
    source = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTRAP})\n1/0"
    process = start([*watched(pysnap_binary, "-o", tmp_path), python.path, "-c", source])
    output, errors = process.communicate(timeout=60)
    # The program writes its lines in pieces: a line of pysnap may stand between them.
    own = re.sub(r"pysnap: [^\n]*\n", "", errors)
    bare = subprocess.run([python.path, "-c", source], capture_output=True, text=True, timeout=60)
    assert (process.returncode, output, own) == (1, "", bare.stderr)


def test_blocked_by_whoever_started_it(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """It stays blocked, and the crash is seen."""
    file = tmp_path / "crash.pb"
    source = "import signal\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True)\n1/0"

    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTRAP})

    process = start([*watched(pysnap_binary, "-o", file), python.path, "-c", source], block)
    output, errors = process.communicate(timeout=60)
    bare, _ = start([python.path, "-c", source], block).communicate(timeout=60)
    # The shell that enters another root opens all signals.
    assert python.root is not None or "SIGTRAP" in bare
    assert (process.returncode, output) == (1, bare), errors
    assert file.exists(), errors
