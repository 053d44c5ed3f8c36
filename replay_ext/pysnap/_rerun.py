"""Calls the function of a captured frame again."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import traceback
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _core
from ._absent import CodeNotRun
from ._codes import SourceCode, qualified_name
from ._permission import functions_of, permit, require
from ._record import Record

_MODULE = "<module>"
#: So many values of a generator are asked for.
_MOST_YIELDED = 10_000

#: Calls what it is given, perhaps under a debugger.
Caller = Callable[..., Any]


class Outcome(Record):
    """How it ended: with a result, or an exception."""

    def __init__(self, name: str) -> None:
        #: The qualified name of the function.
        self.name = name
        self.result: Any = None
        self.exception: Optional[BaseException] = None
        #: Of a generator what it has yielded; the list is cut when it does not end.
        self.yielded: Optional[List[Any]] = None

    def format(self) -> str:
        """Lines for people."""
        if self.exception is not None:
            inner = _within(self.exception.__traceback__)
            lines = traceback.format_exception(type(self.exception), self.exception, inner)
            return f"{self.name} raised:\n{''.join(lines)}".rstrip("\n")
        if self.yielded is not None:
            return f"{self.name} yielded {self.yielded!r}, and returned {self.result!r}"
        return f"{self.name} returned {self.result!r}"


def _within(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """Without the frames of this package and of the debugger at its beginning."""
    at = trace
    while at is not None and (at.tb_frame.f_globals.get("__name__") or "").startswith(("pysnap.", "bdb")):
        at = at.tb_next
    return at or trace


class Call(Record):
    """A function of a captured frame, and what it was called with."""

    def __init__(self, frame: FrameType, source: Optional[str] = None) -> None:
        """With `source` the function's body is that of the same function in this file; so is, while it runs, that of
        the other functions of its own file.

        Raises CodeNotRun when its snapshot was not loaded with `run_code` or the frame cannot be run again by itself,
        LookupError when the file has no such function, OSError and SyntaxError.
        """
        require(frame.f_code)
        self.name = qualified_name(frame.f_code, frame.f_globals)
        sources = None if source is None else SourceCode(source, frame.f_code)
        code = frame.f_code if sources is None else sources.find(self.name)
        if code.co_varnames[:1] == (".0",):
            raise CodeNotRun(f"{self.name} has consumed what it goes through: rerun the frame that it is in")
        if not code.co_flags & inspect.CO_NEWLOCALS and self.name != _MODULE:
            raise CodeNotRun(f"{self.name} is the body of a class: rerun the frame that it is in")
        self._changed = {} if sources is None else _changed(sources, frame.f_code.co_filename)
        permit(_with_inner(code))
        self.frame = frame
        self.code = code
        self.closure = self._closure()
        self.positional, self.keywords = self._arguments()

    def _closure(self) -> Tuple[Any, ...]:
        cells = dict(zip(self.frame.f_code.co_freevars, _core.closure(self.frame)))
        missing = [name for name in self.code.co_freevars if name not in cells]
        if missing:
            raise CodeNotRun(
                f"{self.name} as it is now uses {', '.join(missing)} of an enclosing function,"
                " which the captured one did not"
            )
        return tuple(cells[name] for name in self.code.co_freevars)

    def _arguments(self) -> Tuple[List[Any], Dict[str, Any]]:
        code = self.code
        if not code.co_flags & inspect.CO_NEWLOCALS:
            return [], {}
        values = dict(self.frame.f_locals)
        names = code.co_varnames
        count = code.co_argcount
        only_keywords = names[count : count + code.co_kwonlyargcount]
        rest = count + code.co_kwonlyargcount
        missing = [name for name in (*names[:count], *only_keywords) if name not in values]
        new = [name for name in missing if name not in self.frame.f_code.co_varnames]
        if new:
            raise CodeNotRun(f"{self.name} as it is now takes {', '.join(new)}, which the captured call did not give")
        if missing:
            raise CodeNotRun(f"{self.name} has no value for {', '.join(missing)} any more: assign one first")
        positional = [values[name] for name in names[:count]]
        if code.co_flags & inspect.CO_VARARGS:
            positional.extend(values.get(names[rest], ()))
            rest += 1
        keywords = {name: values[name] for name in only_keywords}
        if code.co_flags & inspect.CO_VARKEYWORDS:
            keywords.update(values.get(names[rest], {}))
        return positional, keywords

    def run(self, caller: Caller) -> Outcome:
        """Run it by `caller(function, *arguments)`. What it raises, BaseExceptions too, is in the outcome."""
        outcome = Outcome(self.name)
        captured = {function: function.__code__ for function in self._changed}
        try:
            for function, code in self._changed.items():
                function.__code__ = code
            outcome.result = self._run(caller, outcome)
        except BaseException as error:
            outcome.exception = error
        finally:
            for function, code in captured.items():
                function.__code__ = code
        return outcome

    def _run(self, caller: Caller, outcome: Outcome) -> Any:
        code = self.code
        if not code.co_flags & inspect.CO_NEWLOCALS:
            return caller(exec, code, self.frame.f_globals)
        function = FunctionType(code, self.frame.f_globals, code.co_name, None, self.closure)
        function.__qualname__ = self.name
        if code.co_flags & inspect.CO_COROUTINE:
            return caller(asyncio.run, function(*self.positional, **self.keywords))
        if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
            outcome.yielded = []
            made = function(*self.positional, **self.keywords)
            if code.co_flags & inspect.CO_GENERATOR:
                return caller(_exhaust, made, outcome.yielded)
            return caller(asyncio.run, _exhaust_async(made, outcome.yielded))
        return caller(function, *self.positional, **self.keywords)


def _changed(sources: SourceCode, filename: str) -> Dict[FunctionType, CodeType]:
    """What captured functions of a file are in its changed source. Those that are not there, or have another closure,
    stay as they are.
    """
    changed = {}
    for function in functions_of(filename):
        with contextlib.suppress(LookupError):
            code = sources.find(function.__qualname__)
            if code.co_freevars == function.__code__.co_freevars:
                changed[function] = code
    return changed


def _exhaust(generator: Any, yielded: List[Any]) -> Any:
    try:
        while len(yielded) < _MOST_YIELDED:
            yielded.append(next(generator))
    except StopIteration as stop:
        return stop.value
    generator.close()
    return None


async def _exhaust_async(generator: Any, yielded: List[Any]) -> None:
    async for value in generator:
        yielded.append(value)
        if len(yielded) == _MOST_YIELDED:
            await generator.aclose()
            break


def _with_inner(code: CodeType) -> List[CodeType]:
    found = [code]
    for one in found:
        found.extend(constant for constant in one.co_consts if isinstance(constant, CodeType))
    return found


def rerun(frame: FrameType, source: Optional[str] = None) -> Outcome:
    """Call the frame's function again with its arguments as they are in the frame now.

    Rebound and changed arguments are as the program left them, or as they were assigned since. With `source`, the path
    of a file, the body of the function is taken from there: the function of the same qualified name, with the captured
    closure. A coroutine is run by asyncio.run(), a generator to its end. The snapshot must have been loaded with
    `run_code`; see `Call` for what is raised when it cannot be called at all.
    """
    return Call(frame, source).run(_call)


def _call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    return function(*arguments, **keywords)
