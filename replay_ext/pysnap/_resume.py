"""Lets a captured frame go on from the instruction that it stands at, in a process of its own."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import tempfile
import traceback
import weakref
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Dict, Generator, Iterator, List, NamedTuple, NoReturn, Optional, Tuple

from . import _core
from ._absent import Absent, CodeNotRun, Suspended
from ._codes import qualified_name
from ._permission import require
from ._record import Record
from ._rerun import _within
from ._running import NotIterator
from ._stack_heights import Place, height_below, place_of

_EXCEPT_HANDLER = 257  # a block's type, to 3.10
_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_NO_ROOM = "the evaluation stack of {name} is not known: {why}"


class CannotResume(CodeNotRun):
    """Raised for a frame that cannot go on; it says why. Nothing has run."""

    __module__ = "pysnap"


class _Standing(NamedTuple):
    """A thread's frame, and what there is besides its variables."""

    frame: FrameType
    facts: Dict[str, Any]
    thread: Any


class _Stack(NamedTuple):
    frames: List[_Standing]  # the innermost first
    waits: bool
    handling: Any


# Frames take no weak references: these go with the snapshot, whose threads hold the frames.
_stacks: weakref.WeakKeyDictionary[Any, List[_Stack]] = weakref.WeakKeyDictionary()


def register(snapshot: Any, standing: List[Tuple[FrameType, Dict[str, Any]]], threads: List[Any]) -> None:
    """Remember what the frames of the snapshot's threads need to go on."""
    facts = {id(frame): each for frame, each in standing}
    _stacks[snapshot] = [
        _Stack(
            [_Standing(frame, facts[id(frame)], thread) for frame in thread["frames"]],
            thread["stopped"] and thread["waits"] and not thread["wants_gil"] and not thread["holds_gil"],
            thread["handling"],
        )
        for thread in threads
    ]


def _find(frame: FrameType) -> Tuple[_Stack, int]:
    for stacks in list(_stacks.values()):
        for stack in stacks:
            for index, standing in enumerate(stack.frames):
                if standing.frame is frame:
                    return stack, index
    raise CannotResume(f"{_name(frame)} is no frame that a thread was running, or its snapshot is gone")


def _reason(why: Optional[Absent]) -> str:
    return "what its instruction leaves there was not told" if why is None else str(why.detail or why.reason)


def _name(frame: FrameType) -> str:
    return str(qualified_name(frame.f_code, frame.f_globals))


class Continuation(Record):
    """A frame of which it is known how it goes on."""

    def __init__(self, standing: _Standing, handled: Any) -> None:
        """Raises CannotResume."""
        frame, facts = standing.frame, standing.facts
        self.name = _name(frame)
        self.frame = frame
        self.handled = handled
        if not facts["real"]:
            raise CannotResume(f"{self.name} does not have the bytecode that it was captured with")
        if facts["torn"]:
            raise CannotResume(f"a variable of {self.name} was not captured as it was")
        if frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR:
            raise CannotResume(f"{self.name} is an async generator, which only its caller can let go on")
        if not facts["below_call"]:
            raise CannotResume(_NO_ROOM.format(name=self.name, why=_reason(facts["why"])))
        place = place_of(frame.f_code, facts["lasti"])
        if place is None:
            raise CannotResume(_NO_ROOM.format(name=self.name, why="it is at no instruction of its code"))
        self.place: Place = place
        self.stack: List[Any] = facts["stack"]
        self.blocks: List[Tuple[int, int, int]] = facts["blocks"]
        self.outer_exceptions = self._verified()
        for item in self.stack:
            if isinstance(item, tuple) and isinstance(item[0], (Absent, NotIterator, Suspended)):
                raise CannotResume(f"{self.name} would go on with a value that is not in the snapshot: {item[0]!r}")
        self.is_generator = bool(frame.f_code.co_flags & _GENERATORS)

    def _verified(self) -> Tuple[int, ...]:
        """Where the stack keeps exceptions that are handled outside of a handler of the frame, the lowest first."""
        if sys.version_info < (3, 11):
            return tuple(level + 1 for kind, _, level in self.blocks if kind == _EXCEPT_HANDLER)
        try:
            below = height_below(self.frame.f_code, self.place)
        except (ValueError, AttributeError) as error:
            raise CannotResume(_NO_ROOM.format(name=self.name, why=error)) from None
        if len(below) != 1 or next(iter(below)).height != len(self.stack):
            raise CannotResume(_NO_ROOM.format(name=self.name, why="its code says another height"))
        return next(iter(below)).outer_exceptions

    def handled_outside(self) -> Any:
        """The exception that its caller was handling when it called."""
        if not self.outer_exceptions:
            return self.handled
        at = self.outer_exceptions[0]
        item = self.stack[at] if at < len(self.stack) else None
        return item[0] if isinstance(item, tuple) else None

    def make(self, raises: bool) -> Generator[Any, Any, Any]:
        return _core.continuation(
            self.frame,
            self.stack,
            self.blocks,
            self.place.offset,
            self.place.behind,
            self.handled if isinstance(self.handled, BaseException) else None,
            raises,
            _carrier(self.frame.f_code) if sys.version_info >= (3, 11) else None,
        )


def _carrier(code: CodeType) -> Any:
    """A generator that has not started, with room for the variables and the stack of code."""

    def nothing() -> Iterator[None]:
        yield

    # Cells count twice in the sum, which does not matter.
    variables = len(code.co_varnames) + len(code.co_cellvars) + len(code.co_freevars)
    # Hidden variables of inlined comprehensions in modules and classes are in none of these.
    hidden = code.co_nlocals
    room = nothing.__code__.replace(co_stacksize=variables + hidden + code.co_stacksize + 8)
    return FunctionType(room, {})()


def _goes_straight(inner: _Standing, outer: _Standing) -> bool:
    """Whether the call that `outer` is within gives what `inner` returns, and C code does no more with it."""
    if inner.facts["hidden_caller"]:
        return False
    if not inner.facts["is_entry"]:
        return True
    code = inner.frame.f_code
    place = place_of(outer.frame.f_code, outer.facts["lasti"])
    if place is not None and place.name == "WITH_EXCEPT_START":
        # The exit method is below the exception, which is of as many entries as the version has it.
        below = outer.facts["stack"][-7:-3]
        return any(isinstance(item, tuple) and _runs(item[0], code) for item in below)
    called = outer.facts["called"]
    return called is not None and (_runs(called, code) or _is_method_of(called, code))


def _runs(called: Any, code: CodeType) -> bool:
    if type(called) is MethodType:
        called = called.__func__
    return type(called) is FunctionType and called.__code__ is code


def _is_method_of(instance: Any, code: CodeType) -> bool:
    """Whether what is found as the callable is an instance with a __call__ in Python, or has no __call__: then it is
    what a bound method is called on, which is put in the method's place for that time (method_vectorcall,
    Objects/classobject.c).
    """
    kind = type(instance)
    if isinstance(instance, type) or not kind.__flags__ & _HEAP_TYPE:
        return False
    methods = [(name, value) for each in kind.__mro__ for name, value in vars(each).items()]
    call = next((value for name, value in methods if name == "__call__"), None)
    if call is not None:
        return _runs(call, code)
    return any(_runs(value, code) for _, value in methods)


def plan(frame: FrameType, whole_chain: bool) -> List[Continuation]:
    """What goes on, the innermost first. Raises CannotResume, or CodeNotRun without --run-code."""
    require(frame.f_code)
    stack, index = _find(frame)
    if index == 0 and not stack.waits:
        raise CannotResume(
            f"{_name(frame)} was not waiting within a call: it is not known how much of its instruction was done"
        )
    handled: Any = stack.handling
    for inner in stack.frames[:index]:
        if handled is None:
            break
        # What an inner frame handles is its own; what it has kept of before is that of its caller.
        continuation = Continuation(inner, handled)
        if continuation.is_generator:
            raise CannotResume(f"which exception {_name(frame)} handles is not known: a generator runs within it")
        handled = continuation.handled_outside()
    planned = [Continuation(stack.frames[index], handled)]
    if not whole_chain:
        return planned
    for inner, outer in zip(stack.frames[index:], stack.frames[index + 1 :]):
        require(outer.frame.f_code)
        if planned[-1].is_generator:
            raise CannotResume(f"{planned[-1].name} is a generator: its caller goes on with what it yields, too")
        continuation = Continuation(outer, planned[-1].handled_outside())
        if not _goes_straight(inner, outer):
            raise CannotResume(
                f"{_name(outer.frame)} has called {planned[-1].name} through C code,"
                " which would do more with its result"
            )
        planned.append(continuation)
    return planned


class _Ended(NamedTuple):
    result: Any = None
    exception: Optional[BaseException] = None
    yielded: bool = False


def _run(continuation: Continuation, result: Any, exception: Optional[BaseException]) -> _Ended:
    generator = continuation.make(exception is not None)
    try:
        value = generator.send(result) if exception is None else generator.throw(exception)
    except StopIteration as stop:
        # From 3.12 on a StopIteration that such code raises is this very one: it has a traceback in it.
        inner = None if stop.__traceback__ is None else stop.__traceback__.tb_next
        return _Ended(exception=stop.with_traceback(inner)) if inner is not None else _Ended(result=stop.value)
    except BaseException as error:
        raised = _raised(continuation, error)
        # Without this function.
        if raised is error and error.__traceback__ is not None:
            raised = error.with_traceback(error.__traceback__.tb_next)
        return _Ended(exception=raised)
    return _Ended(result=value, yielded=True)


def _raised(continuation: Continuation, error: BaseException) -> BaseException:
    """Up to 3.11 a generator turns StopIteration into a RuntimeError (PEP 479), which the code itself has not seen."""
    inner = None if error.__traceback__ is None else error.__traceback__.tb_next
    cause = error.__cause__
    if inner is None and type(error) is RuntimeError and isinstance(cause, StopIteration):
        return error if continuation.is_generator else cause
    return error


class Resumed(Record):
    """How it ended, in the process in which it went on."""

    def __init__(self) -> None:
        #: The qualified name of the last function that went on.
        self.name = ""
        #: The result's repr and type's name, when it returned or yielded.
        self.result: Optional[str] = None
        self.result_type: Optional[str] = None
        #: It has yielded the result.
        self.yielded = False
        #: The exception as text, with its traceback.
        self.exception: Optional[str] = None
        #: What it has written to stdout and stderr.
        self.output = ""
        #: The signal's name, when that ended the process.
        self.signal: Optional[str] = None
        #: The exit code, when it has ended the process itself.
        self.exit_code: Optional[int] = None

    def format(self) -> str:
        """Lines for people."""
        if self.signal is not None:
            return f"{self.name} was ended by {self.signal}"
        if self.exit_code is not None:
            return f"{self.name} has ended its process with {self.exit_code}"
        if self.exception is not None:
            return f"{self.name} raised:\n{self.exception}".rstrip("\n")
        return f"{self.name} {'yielded' if self.yielded else 'returned'} {self.result}"


def run_here(planned: List[Continuation], result: Any, exception: Optional[BaseException]) -> Tuple[str, _Ended]:
    """Let them go on in this process, one after the other; each is given what the one before has come to."""
    ended = _Ended(result, exception)
    name = ""
    for continuation in planned:
        name = continuation.name
        ended = _run(continuation, ended.result, ended.exception)
        if ended.yielded:
            break
    return name, ended


def _told(name: str, ended: _Ended) -> Dict[str, Any]:
    told: Dict[str, Any] = {"name": name, "yielded": ended.yielded}
    if ended.exception is None:
        try:
            told["result"] = repr(ended.result)
        except BaseException as error:
            told["result"] = f"<{type(ended.result).__name__} whose repr raised {type(error).__name__}>"
        told["result_type"] = f"{type(ended.result).__module__}.{type(ended.result).__qualname__}"
        return told
    raised = ended.exception
    lines = traceback.format_exception(type(raised), raised, _within(raised.__traceback__))
    told["exception"] = "".join(lines)
    return told


def _writing_to(descriptor: int) -> Any:
    buffering = 1 if descriptor == 2 else -1
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=buffering, closefd=False)


def _child(
    planned: List[Continuation], result: Any, exception: Optional[BaseException], report: int, output: int
) -> NoReturn:
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = _writing_to(1)
        sys.stderr = _writing_to(2)
        sys.settrace(None)
        name, ended = run_here(planned, result, exception)
        told = _told(name, ended)
        sys.stdout.flush()
        sys.stderr.flush()
        with open(report, "w", encoding="utf-8", errors="surrogatepass") as pipe:
            json.dump(told, pipe)
        status = 0
    finally:
        os._exit(status)


def resume(
    frame: FrameType,
    result: Any = None,
    exception: Optional[BaseException] = None,
    whole_chain: bool = False,
) -> Resumed:
    """Let a frame go on from its instruction, with its variables as they are now, as if the call that it is within had
    returned `result`, or raised `exception`.

    With `whole_chain` its callers go on after it, each with what the one within it has returned or raised. It runs in a
    forked process: nothing of what it does is seen here but what it tells. The snapshot must have been loaded with
    `run_code`; CannotResume says why a frame cannot go on, before anything has run.
    """
    planned = plan(frame, whole_chain)
    resumed = Resumed()
    resumed.name = planned[-1].name
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as output:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(planned, result, exception, writing, output.fileno())
        os.close(writing)
        try:
            with open(reading, encoding="utf-8", errors="surrogatepass") as pipe:
                text = pipe.read()
            status = os.waitpid(child, 0)[1]
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        output.seek(0)
        resumed.output = output.read().decode("utf-8", "backslashreplace")
    if os.WIFSIGNALED(status):
        resumed.signal = signal.Signals(os.WTERMSIG(status)).name
    elif not text:
        resumed.exit_code = os.WEXITSTATUS(status)
    else:
        for key, value in json.loads(text).items():
            setattr(resumed, key, value)
    return resumed
