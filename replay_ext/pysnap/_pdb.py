"""pdb inside the frames of a snapshot."""

from __future__ import annotations

import math
import sys
from types import FrameType, TracebackType
from typing import Any, Callable, List, Optional, Type

from . import _core
from ._greenlets import groups
from ._pdb_exceptions import ExceptionsCommand
from ._pdb_interact import InteractCommands, ipython_shell
from ._pdb_rerun import RerunCommands
from ._pdb_resume import ResumeCommand
from ._scopes import Scope
from ._snapshot import Snapshot, Thread
from ._stacks import as_traceback
from ._tasks import tree

_NOT_RUNNING = "the program is not running: this is a snapshot of it"


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}({frame.f_lineno}){frame.f_code.co_name}()"


def _scope_text(scope: Scope) -> str:
    text = scope.kind
    if scope.varname:
        text += f" as {scope.varname}"
    if scope.frame is not None:
        text += f", line {scope.line} in {scope.frame.f_code.co_name}"
    if scope.deadline is not None and math.isfinite(scope.deadline):
        text += f", deadline {scope.deadline:.3f}"
    if None in (scope.deadline, scope.cancelled, scope.shield):
        text += ", not all of it was read"
    return text + ", shielded" * bool(scope.shield) + ", cancelled" * bool(scope.cancelled)


class SnapshotCommands(RerunCommands, ResumeCommand, InteractCommands, ExceptionsCommand):
    """What a debugger of the pdb family does differently for a snapshot."""

    snapshot: Snapshot
    thread: Optional[Thread] = None

    # ------------------------------------------------------------ locals that stick

    def postcmd(self, stop: bool, line: str) -> bool:
        # Up to Python 3.12 f_locals is a copy, which the next look at it would overwrite from the frame.
        if self.curframe is not None:
            _core.commit(self.curframe)
            # 3.11 and 3.12 write back once for each time that the frame was asked for its locals.
            _ = self.curframe.f_locals
        return super().postcmd(stop, line)

    # ------------------------------------------------------------ threads

    def do_threads(self, arg: str) -> None:
        """threads

        List the threads: native id, name, and where each is. An arrow marks the current one.
        """
        for thread in self.snapshot.threads:
            marks = [name for name, is_set in (("main", thread.is_main), ("holds the GIL", thread.holds_gil)) if is_set]
            note = f" ({', '.join(marks)})" if marks else ""
            frame = thread.frame
            where = _place(frame) if frame else "no Python frames"
            arrow = "->" if thread is self.thread else "  "
            self.message(f"{arrow} {thread.native_id} {thread.name}{note}: {where}")

    def do_thread(self, arg: str) -> None:
        """thread [NAME | ID]

        Go to the innermost frame of a thread. Without an argument, say which one this is.
        """
        which = arg.strip()
        if not which:
            name = "no thread" if self.thread is None else f"{self.thread.native_id} {self.thread.name}"
            self.message(name)
            return
        try:
            thread = self.snapshot.find_thread(which)
        except LookupError as error:
            self.error(str(error.args[0]))
            return
        if thread.frame is None:
            self.error(f"thread {thread.name} has no Python frames")
            return
        self.thread = thread
        self.forget()
        self.setup(thread.frame, None)
        self.print_stack_entry(self.stack[self.curindex])

    # ------------------------------------------------------------ tasks

    def do_tasks(self, arg: str) -> None:
        """tasks

        List the tasks of asyncio and trio: below each its nurseries, task groups and cancel scopes with the tasks in
        them, and those that it waits for.
        """
        if not self.snapshot.tasks:
            self.message("there are no asyncio or trio tasks")
        for node in tree(self.snapshot.tasks):
            indent = "    " * node.depth
            if node.scope is not None:
                self.message(f"{indent}  {_scope_text(node.scope)}")
                continue
            task = node.task
            waits = "waits for " if node.awaited else ""
            role = f" ({task.role} task)" if task.role else ""
            where = f": {_place(task.frames[-1])}" if task.frames else ""
            note = f" ({node.remark})" if node.remark else ""
            self.message(f"{indent}{waits}{task.name} {task.state}{role}{where}{note}")
            if node.others:
                names = ", ".join(other.name for other in node.others[:8]) + (", …" if len(node.others) > 8 else "")
                self.message(f"{indent}  and {len(node.others)} more in the same place: {names}")

    def do_task(self, arg: str) -> None:
        """task NAME | ID

        Go to the innermost frame of a task; up and down lead through all that it waits on.
        """
        try:
            task = self.snapshot.find_task(arg.strip())
        except LookupError as error:
            self.error(str(error.args[0]))
            return
        if not task.frames:
            self.error(f"task {task.name} has no frames")
            return
        self.forget()
        self.setup(None, as_traceback(task.frames))
        self.print_stack_entry(self.stack[self.curindex])

    # ------------------------------------------------------------ greenlets

    def do_greenlets(self, arg: str) -> None:
        """greenlets

        List the greenlets of all threads: id, class, state, and where each is.
        """
        if not self.snapshot.greenlets:
            self.message("there are no greenlets")
        for greenlet, others in groups(self.snapshot.greenlets):
            facts = ["main"] if greenlet.is_main else []
            if greenlet.native_id is not None:
                facts.append(f"of thread {greenlet.native_id}")
            note = f" ({', '.join(facts)})" if facts else ""
            where = f": {_place(greenlet.frames[-1])}" if greenlet.frames else ""
            state = greenlet.state or "of unknown state"
            self.message(f"{greenlet.id} {greenlet.type_name} {state}{note}{where}")
            if others:
                ids = ", ".join(other.id for other in others[:8]) + (", …" if len(others) > 8 else "")
                self.message(f"  and {len(others)} more in the same place: {ids}")

    def do_greenlet(self, arg: str) -> None:
        """greenlet ID

        Go to the innermost frame of a greenlet.
        """
        try:
            greenlet = self.snapshot.find_greenlet(arg.strip())
        except LookupError as error:
            self.error(str(error.args[0]))
            return
        if not greenlet.frames:
            self.error(f"greenlet {greenlet.id} is {greenlet.state or 'of unknown state'} and has no frames")
            return
        self.forget()
        self.setup(greenlet.frames[-1], None)
        self.print_stack_entry(self.stack[self.curindex])

    # ------------------------------------------------------------ what a snapshot cannot do

    def _refuse(self, arg: str, temporary: Any = False) -> Any:
        self.error(_NOT_RUNNING)

    do_step = do_s = do_next = do_n = do_until = do_unt = do_return = do_r = _refuse
    do_continue = do_cont = do_c = do_jump = do_j = do_run = do_restart = _refuse
    do_break = do_b = do_tbreak = do_commands = do_condition = do_ignore = do_enable = do_disable = _refuse

    def _validate_file_mtime(self) -> None:
        """Python 3.13+ warns when a file is newer than the debugger; here it does not matter: see _sources."""


class SnapshotPdb(SnapshotCommands):
    def __init__(self, snapshot: Snapshot, **options: Any) -> None:
        super().__init__(nosigint=True, readrc=False, **options)
        self.snapshot = snapshot


def ipython_class() -> Type[SnapshotCommands]:
    """The same on top of IPython's debugger. ImportError when there is no IPython."""
    from IPython.terminal.debugger import TerminalPdb  # type: ignore[import-not-found,unused-ignore]

    def init(self: Any, snapshot: Snapshot, **options: Any) -> None:
        TerminalPdb.__init__(self, nosigint=True, readrc=False, **options)
        self.snapshot = snapshot

    return type("SnapshotIPdb", (SnapshotCommands, TerminalPdb), {"__init__": init, "_shell": ipython_shell})


def debug(
    snapshot: Snapshot,
    make: Callable[[Snapshot], SnapshotCommands],
    thread: Optional[Thread],
    commands: Optional[List[str]] = None,
) -> None:
    """Run the debugger to its end. Without a thread it stands where the exception was raised, if there is one."""
    debugger = make(snapshot)
    debugger.reset()
    traceback: Optional[TracebackType] = None
    frame: Optional[FrameType] = None
    if thread is None and snapshot.exception is not None and snapshot.exception.__traceback__ is not None:
        traceback = snapshot.exception.__traceback__
        debugger.thread = snapshot.interesting_thread()
    else:
        debugger.thread = thread or snapshot.interesting_thread()
        frame = debugger.thread.frame if debugger.thread is not None else None
    if traceback is None and frame is None:
        raise LookupError("no thread of the snapshot has Python frames")
    if commands is not None:
        debugger.cmdqueue.extend(commands + ["quit"])
    if traceback is not None and sys.version_info >= (3, 13):
        debugger.interaction(None, snapshot.exception)
    else:
        debugger.interaction(frame, traceback)
