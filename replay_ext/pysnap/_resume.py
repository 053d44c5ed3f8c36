"""Lets a captured frame go on, from where it stands or from one of its lines, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from types import FrameType
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from ._completion import Completion
from ._continuation import Continuation
from ._permission import require
from ._record import Record
from ._rerun import _within
from ._resume_line import go_to_line
from ._resume_links import link_between, link_of_innermost
from ._standing import CannotResume, Stack, Standing, find, find_ended, name_of


def plan(frame: FrameType, whole_chain: bool, line: Optional[int] = None) -> List[Continuation]:
    """What goes on, the innermost first. Raises CannotResume, or CodeNotRun without --run-code."""
    require(frame.f_code)
    ended = find_ended(frame) if line is not None else None
    if line is not None and ended is not None:
        if whole_chain:
            raise CannotResume(f"{name_of(frame)} has ended: its callers do not wait for it any more")
        continuation = Continuation.of_ended(ended)
        go_to_line(continuation, line)
        return [continuation]
    stack, index = find(frame)
    planned = [_first(stack, index, line)]
    if whole_chain:
        _plan_callers(stack.frames[index:], planned)
    going = [each.link.going for each in planned]
    for continuation in planned:
        continuation.check_stack(going)
    return planned


def _first(stack: Stack, index: int, line: Optional[int]) -> Continuation:
    standing = stack.frames[index]
    is_within = index > 0 or stack.waits
    if not is_within and line is None:
        raise CannotResume(
            f"{name_of(standing.frame)} was not waiting within a call: it is not known how much of its instruction was"
            " done"
        )
    handled = _handled_in(stack, index)
    if line is None:
        continuation = Continuation.of_standing(standing, handled)
        continuation.link = link_of_innermost(continuation)
        return continuation
    if is_within and standing.facts["below_call"]:
        continuation = Continuation.of_standing(standing, handled)
    else:
        continuation = Continuation.without_stack(standing, handled)
    go_to_line(continuation, line)
    return continuation


def _handled_in(stack: Stack, index: int) -> Any:
    """The exception that is handled while this frame is the innermost one."""
    handled: Any = stack.handling
    for inner in stack.frames[:index]:
        if handled is None:
            break
        # What an inner frame handles is its own; what it has kept of before is that of its caller.
        handled = _handled_outside(Continuation.of_standing(inner, handled), stack.frames[index])
    return handled


def _handled_outside(inner: Continuation, outer: Standing) -> Any:
    if inner.is_generator and inner.handled is not None:
        raise CannotResume(f"which exception {name_of(outer.frame)} handles is not known: a generator runs within it")
    return inner.handled_outside()


def _plan_callers(frames: List[Standing], planned: List[Continuation]) -> None:
    for inner, outer in zip(frames, frames[1:]):
        require(outer.frame.f_code)
        continuation = Continuation.of_standing(outer, _handled_outside(planned[-1], outer))
        continuation.link = link_between(inner, continuation, outer, planned[-1].is_generator)
        planned.append(continuation)


def _run(continuation: Continuation, generator: Any, given: Completion) -> Completion:
    try:
        value = generator.send(given.result) if given.exception is None else generator.throw(given.exception)
    except StopIteration as stop:
        # From 3.12 on a StopIteration that such code raises is this very one: it has a traceback in it.
        inner = None if stop.__traceback__ is None else stop.__traceback__.tb_next
        return Completion(exception=stop.with_traceback(inner)) if inner is not None else Completion(stop.value)
    except BaseException as error:
        raised = _raised(continuation, error)
        # Without this function.
        if raised is error and error.__traceback__ is not None:
            raised = error.with_traceback(error.__traceback__.tb_next)
        return Completion(exception=raised)
    return Completion(value, yielded=True)


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


def run_here(planned: List[Continuation], result: Any, exception: Optional[BaseException]) -> Tuple[str, Completion]:
    """Let them go on in this process, one after the other; each is given what the one before has come to."""
    ended = Completion(result, exception)
    name = ""
    generator: Any = None
    for continuation in planned:
        name = continuation.name
        given = continuation.link.pass_on(continuation, ended, generator)
        generator = continuation.make(given.exception is not None)
        ended = _run(continuation, generator, given)
    return name, ended


def _told(name: str, ended: Completion) -> Dict[str, Any]:
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
    line: Optional[int] = None,
) -> Resumed:
    """Let a frame go on from its instruction, with its variables as they are now, as if the call that it is within had
    returned `result`, or raised `exception`. With `line` it goes on from the beginning of that line instead; so can one
    that has ended, where nothing needs to be on its stack.

    With `whole_chain` its callers go on after it, each with what the one within it has returned, raised or yielded. It
    runs in a forked process: nothing of what it does is seen here but what it tells. The snapshot must have been loaded
    with `run_code`; CannotResume says why a frame cannot go on, before anything has run. ValueError: both a line, and
    what a call gives.
    """
    if line is not None and (result is not None or exception is not None):
        raise ValueError("from a line on there is no call that gives anything")
    planned = plan(frame, whole_chain, line)
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
