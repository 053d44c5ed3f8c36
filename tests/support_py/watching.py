"""Programs under on-crash, and the processes that watch them."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def watched(pysnap: Path, *arguments: object) -> list[str]:
    """The beginning of a command under watch; what follows is the program."""
    return [str(pysnap), "on-crash", *map(str, arguments), "--"]


def watcher_of(pid: int) -> int:
    status = (Path("/proc") / str(pid) / "status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("TracerPid:")).split()[1])


def kill_watcher(pid: int) -> None:
    """Returns when nobody watches the process any more."""
    watcher = watcher_of(pid)
    # A guardian has made the session; without one it is the watcher itself.
    guardian = os.getsid(watcher)
    os.kill(watcher, signal.SIGKILL)
    # The guardian traces it for a moment.
    while watcher_of(pid) != 0 or is_alive(guardian):
        os.sched_yield()


def is_alive(pid: int) -> bool:
    try:
        return not (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].startswith(" Z")
    except OSError:
        return False


def is_alone_and_reading(pid: int) -> bool:
    """Whether its one thread waits in read(0, …).

    A thread that has been joined is still on its way out, where it loads libgcc_s and so passes a breakpoint.
    """
    tasks = [task.name for task in Path(f"/proc/{pid}/task").iterdir()]
    return tasks == [str(pid)] and Path(f"/proc/{pid}/syscall").read_text().split()[:2] == ["0", "0x0"]
