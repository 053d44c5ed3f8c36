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


def guardians_of(pid: int) -> bool:
    """Whether a guardian is there that belongs to this process: the two have the same stderr, a pipe of their own."""
    stderr = os.readlink(f"/proc/{pid}/fd/2")
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text() == "pysnap-guardian\n" and os.readlink(comm.parent / "fd/2") == stderr:
                return True
        except OSError:
            continue
    return False


def kill_watcher(pid: int) -> None:
    """Returns when nobody watches the process any more."""
    os.kill(watcher_of(pid), signal.SIGKILL)
    # The guardian traces it for a moment.
    while watcher_of(pid) != 0 or guardians_of(pid):
        os.sched_yield()
