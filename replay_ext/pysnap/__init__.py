"""Debug a snapshot of a Python process: real frames and objects, rebuilt without running any of its code.

snap = pysnap.load("pysnap-server-1234.pb")
for thread in snap.threads:
    traceback.print_stack(thread.frame)
pysnap.post_mortem("pysnap-server-1234.pb")     # pdb in the frame that counts
"""

from ._absent import Absent, BuiltinFunction, CallbackNotCalled, CodeFromOtherVersion, CodeNotRun, Suspended
from ._contexts import Context
from ._greenlets import Greenlet
from ._hooks import customize, elaborate_context, unwrap_stackitem
from ._load import load
from ._plugins import stands_for
from ._rerun import Outcome, rerun
from ._resume import Resumed, resume
from ._running import AbsentAttribute, AbsentValue
from ._snapshot import Capture, Problem, Process, Reason, Snapshot, SnapshotError, Thread
from ._stack import Frame, Stack
from ._standing import CannotResume
from ._tasks import Task

__all__ = [
    "Absent",
    "AbsentAttribute",
    "AbsentValue",
    "BuiltinFunction",
    "CannotResume",
    "CallbackNotCalled",
    "Capture",
    "CodeFromOtherVersion",
    "CodeNotRun",
    "Context",
    "Frame",
    "Greenlet",
    "Outcome",
    "Problem",
    "Process",
    "Reason",
    "Resumed",
    "Snapshot",
    "SnapshotError",
    "Stack",
    "Suspended",
    "Task",
    "Thread",
    "customize",
    "elaborate_context",
    "load",
    "post_mortem",
    "rerun",
    "resume",
    "stands_for",
    "unwrap_stackitem",
]


def post_mortem(path: str) -> None:
    """Do what `pysnap replay` does: pdb inside the snapshot's frames."""
    from ._replay import post_mortem as run

    run(path)
