"""Attaching to a program again and again while it works, and checking that neither side is disturbed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Callable, Iterator, Optional

from .interpreters import Interpreter

# Exit codes of the contract.
NOT_CPYTHON = 4
NO_SUCH_PROCESS = 5

# How many attaches in a row a test makes. scripts/test.sh --full makes it 200.
ATTACHES = int(os.environ.get("PYSNAP_TEST_ATTACHES", "10"))


@dataclass
class Log:
    """What a series of attaches saw."""

    attaches: int = 0
    vanished: int = 0  # The process ended before or while it was attached to.
    frames: int = 0
    values: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    pause_ms: list[float] = field(default_factory=list)


class Attacher:
    """Runs `pysnap attach` and `pysnap show --json`, and fails a test on whatever it cannot explain."""

    def __init__(self, pysnap: Path, folder: Path) -> None:
        self._pysnap = pysnap
        self._file = folder / "attached.pb"
        self.log = Log()

    def attach(self, pid: int, may_vanish: bool = False) -> Optional[dict[str, Any]]:
        """One attach to a process that may or may not be allowed to end meanwhile; its snapshot as JSON."""
        result = subprocess.run(
            [str(self._pysnap), "attach", "--quiet", "-o", str(self._file), str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if result.returncode == NO_SUCH_PROCESS or (result.returncode == NOT_CPYTHON and may_vanish):
            # A process between fork and exec, or in its last moments, has no Python in it.
            assert may_vanish, f"attach to {pid}: {result.stderr}"
            self.log.vanished += 1
            return None
        assert result.returncode == 0, f"attach to {pid} ended with {result.returncode}: {result.stderr}"
        assert result.stderr == "", result.stderr
        assert_not_traced(pid)
        shown = subprocess.run(
            [str(self._pysnap), "show", "--json", str(self._file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )
        assert shown.returncode == 0, shown.stderr
        assert shown.stderr == b"", shown.stderr
        snapshot: dict[str, Any] = json.loads(shown.stdout)
        assert snapshot["deadlocks"] == [], "a false alarm"
        self.log.attaches += 1
        self._check(snapshot, may_vanish)
        return snapshot

    def _check(self, snapshot: dict[str, Any], may_vanish: bool) -> None:
        capture = snapshot["capture"]
        self.log.pause_ms.append(capture["pause_ms"])
        problems = [f"{problem['where']}: {problem['reason']}" for problem in capture["problems"]]
        self.log.problems.update(problems)
        # A thread that waits for a child of vfork() to call exec, as subprocess has it, cannot be stopped.
        assert all("(state D)" in problem for problem in problems), problems
        assert capture["complete"] is True
        assert snapshot["threads"], "no threads"
        main = [thread for thread in snapshot["threads"] if thread["is_main"]]
        assert len(main) == 1
        for frame in frames_of(snapshot):
            self.log.frames += 1
            assert frame["function"], frame
            for name, value in frame["locals"].items():
                self.log.values += 1
                if value["absent"]:
                    self.log.absent[value["absent"].split(":")[0]] += 1
                    unexplained = value["absent"].startswith(("unreadable", "inconsistent", "unknown"))
                    assert not unexplained, f"{name} in {frame['function']}: {value}"


def frames_of(snapshot: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for thread in snapshot["threads"]:
        yield from thread["frames"]


def functions_of(thread: dict[str, Any]) -> list[str]:
    return [frame["function"] for frame in thread["frames"]]


def assert_not_traced(pid: int) -> None:
    """No thread of the process is left stopped or traced; a process that has ended is as good."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return
    for thread in threads:
        try:
            status = Path(f"/proc/{pid}/task/{thread}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["TracerPid"] == "0", f"thread {thread} of {pid} is still traced"
        assert fields["State"][0] not in "tT", f"thread {thread} of {pid} is {fields['State']}"


def processes_below(pid: int) -> list[int]:
    """A process and its descendants, as they are now."""
    found = [pid]
    for parent in found:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                found += map(int, Path(f"/proc/{parent}/task/{thread}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits for something that no pipe tells about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def start(
    python: Interpreter, *arguments: str, cwd: Path, env: Optional[dict[str, str]] = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python.path, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=env,
    )


def read_until(stream: IO[str], pattern: str) -> str:
    """Reads lines up to the one that the pattern is found in, and returns that."""
    seen = []
    for line in stream:
        seen.append(line)
        if re.search(pattern, line):
            return line
    raise AssertionError(f"no {pattern!r} in {''.join(seen)}")
