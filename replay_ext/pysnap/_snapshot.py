"""The loaded snapshot, as `pysnap show --json` describes it, with real frames and objects."""

from __future__ import annotations

from datetime import datetime, timezone
from types import FrameType, TracebackType
from typing import Any, List, Optional, Tuple, TypeVar

from ._absent import Suspended
from ._contexts import Context, Contexts
from ._greenlets import Greenlet
from ._record import Record
from ._stack import Stack, extract, of_traceback
from ._tasks import Task, link

T = TypeVar("T")

#: Of threads, tasks or greenlets, when there is none of a name.
_MOST_NAMED = 40

_REASONS = ("unknown", "attach", "exception", "signal", "exit", "timeout", "request", "core")


class SnapshotError(Exception):
    """The file is not a snapshot, or is damaged."""


class Reason(Record):
    """Why the snapshot was taken."""

    def __init__(self, header: Any) -> None:
        kind = header["reason"]
        self.kind: str = _REASONS[kind] if 0 <= kind < len(_REASONS) else _REASONS[0]
        self.signal: Optional[str] = _signal_name(header["signal"])
        self.exit_code: Optional[int] = header["exit_code"]
        address = header["fault_address"]
        self.fault_address: Optional[str] = None if address is None else hex(address)
        self.native_id: Optional[int] = header["native_id"]


class Process(Record):
    """The process that was captured."""

    def __init__(self, header: Any) -> None:
        self.pid: int = header["pid"]
        self.argv: List[str] = header["argv"]
        self.executable: str = header["executable"]
        self.cwd: str = header["cwd"]
        self.python: str = header["python"]
        flags = (("debug", header["debug"]), ("free-threaded", header["free_threaded"]))
        self.build: List[str] = [name for name, is_set in flags if is_set]
        self.hostname: str = header["hostname"]


class Problem(Record):
    """Something that could not be captured."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason


class Capture(Record):
    """How the capture went."""

    def __init__(self, header: Any, capture: Any) -> None:
        nanoseconds = header["time_ns"]
        try:
            moment = datetime.fromtimestamp(nanoseconds // 10**9, timezone.utc)
            self.time = moment.replace(microsecond=nanoseconds % 10**9 // 1000).isoformat().replace("+00:00", "Z")
        except (OverflowError, OSError, ValueError):
            self.time = ""
        self.pause_ms: float = capture["pause_ns"] / 1e6
        self.total_ms: float = capture["total_ns"] / 1e6
        self.objects: int = capture["objects"]
        #: False when the capture stopped early, or the file was cut off.
        self.complete: bool = capture["complete"]
        self.problems: List[Problem] = [Problem(where, reason) for where, reason in capture["problems"]]
        if capture["cut"]:
            self.problems.append(Problem("file", "it was cut off: what comes after its end is missing"))


class Thread(Record):
    """A thread and its frames."""

    def __init__(self, facts: Any) -> None:
        self.native_id: int = facts["native_id"]
        self.ident: int = facts["ident"]
        self.name: str = facts["name"]
        self.is_main: bool = facts["is_main"]
        self.holds_gil: bool = facts["holds_gil"]
        self.interpreter: Optional[int] = facts["interpreter"]  # None: not a Python thread
        self.stopped: bool = facts["stopped"]
        #: The exception being handled in this thread, or None.
        self.handling: Optional[BaseException] = facts["handling"]
        #: An Absent that says why, if the chain of frames was not followed to its end.
        self.truncated: Any = facts["truncated"]
        innermost_first: List[FrameType] = facts["frames"]
        #: The innermost frame; f_back leads outwards. None for a thread that runs no Python code.
        self.frame: Optional[FrameType] = innermost_first[0] if innermost_first else None
        #: All frames, the outermost first.
        self.frames: List[FrameType] = innermost_first[::-1]

    def __repr__(self) -> str:
        return f"<Thread {self.name!r} native_id={self.native_id} frames={len(self.frames)}>"


class Snapshot(Record):
    """What `pysnap.load` gives."""

    def __init__(self, facts: Any, run_code: bool) -> None:
        header = facts["header"]
        self.reason = Reason(header)
        self.process = Process(header)
        self.capture = Capture(header, facts["capture"])
        self.threads: List[Thread] = sorted(
            (Thread(each) for each in facts["threads"]), key=lambda thread: (not thread.is_main, thread.native_id)
        )
        exception = facts["exception"]
        #: The exception that ended the program, with its traceback of real frames, or None.
        self.exception: Optional[BaseException] = exception if isinstance(exception, BaseException) else None
        #: The greenlets of all threads.
        self.greenlets: List[Greenlet] = [Greenlet(each, self._frames_of_thread(each)) for each in facts["greenlets"]]
        self._greenlet_of = {id(each.object): each for each in self.greenlets if each.object is not None}
        self._contexts = Contexts(facts["contexts"])
        #: Those of asyncio, of every loop, and of trio, of every run.
        self.tasks: List[Task] = [Task(each, self._running_frames(each), self._contexts) for each in facts["tasks"]]
        link(self.tasks)
        #: Whether frames hold the captured bytecode (the same Python version).
        self.same_version: bool = facts["same_code"]
        #: Whether captured code may run (`load(path, run_code=True)`).
        self.run_code = run_code

    def __repr__(self) -> str:
        return f"<Snapshot of process {self.process.pid}, Python {self.process.python}: {len(self.threads)} threads>"

    def _frames_of_thread(self, facts: Any) -> List[FrameType]:
        for thread in self.threads:
            if thread.native_id == facts["native_id"] and thread.interpreter == facts["interpreter"]:
                return thread.frames
        return []

    def _running_frames(self, task: Any) -> List[FrameType]:
        coroutine = task["coroutine"]
        frame = coroutine.frame if type(coroutine) is Suspended else None
        for thread in self.threads:
            # Where the thread that runs it is not known it may be any.
            known = task["native_id"] in (None, thread.native_id) and thread.interpreter == task["interpreter"]
            if known and frame is not None and any(each is frame for each in thread.frames):
                return thread.frames
        return []

    def contexts(self, frame: FrameType) -> List[Context]:
        """The with blocks that a frame is inside of, the outermost first."""
        return self._contexts.of(frame)

    def extract(self, item: Any) -> Stack:
        """The stack of a thread, a task, a greenlet, a frame, a generator, a coroutine, an exception, or what a hook
        unwraps.
        """
        return extract(item, self._contexts, self._greenlet_of)

    def raise_exception(self) -> None:
        """Raise the snapshot's exception here, with its own traceback beneath this frame."""
        if self.exception is None:
            raise SnapshotError("the snapshot was not taken for an exception")
        raise self.exception

    def traceback(self) -> Optional[TracebackType]:
        """The exception's traceback, if there is one."""
        return None if self.exception is None else self.exception.__traceback__

    @property
    def raising_frames(self) -> List[FrameType]:
        """The frames of the exception's traceback, the one that raised last; empty when there is none."""
        return [frame for frame, _ in of_traceback(self.traceback())]

    def interesting_thread(self) -> Optional[Thread]:
        """The thread the snapshot was taken for, else the main one, else the first that has frames."""
        with_frames = [thread for thread in self.threads if thread.frames]
        for thread in with_frames:
            if self.reason.native_id is not None and thread.native_id == self.reason.native_id:
                return thread
        return with_frames[0] if with_frames else None

    def find_thread(self, which: str) -> Thread:
        """The thread of this native id or name. LookupError says what there is, if there is none or several."""
        return _find("thread", which, [(str(thread.native_id), thread.name, thread) for thread in self.threads])

    def find_task(self, which: str) -> Task:
        """The task of this id or name; likewise."""
        return _find("task", which, [(task.id, task.name, task) for task in self.tasks])

    def find_greenlet(self, which: str) -> Greenlet:
        """The greenlet of this id; likewise."""
        return _find("greenlet", which, [(each.id, each.type_name, each) for each in self.greenlets])


def _find(what: str, which: str, known: List[Tuple[str, str, T]]) -> T:
    """Of `known`, by id and name."""
    matches = [each for each in known if each[0] == which] or [each for each in known if each[1] == which]
    if len(matches) == 1:
        return matches[0][2]
    if matches:
        raise LookupError(f"several {what}s are named {which!r}: {', '.join(id for id, _, _ in matches)}")
    there = ", ".join(f"{id} ({name})" for id, name, _ in known[:_MOST_NAMED])
    more = f", and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    raise LookupError(f"no {what} {which!r}; there are: {there}{more}" if known else f"there are no {what}s")


def _signal_name(number: Optional[int]) -> Optional[str]:
    if number is None:
        return None
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
