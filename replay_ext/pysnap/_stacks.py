"""Stacks that no thread runs: of what is suspended."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ._absent import Absent, Suspended
from ._hooks import unwrap_stackitem

#: What C puts between something that waits and what it waits for: by type, the part that leads on.
_BETWEEN: Dict[Tuple[str, str], str] = {
    ("builtins", "coroutine_wrapper"): "coroutine",
    ("builtins", "async_generator_asend"): "generator",
    ("builtins", "async_generator_athrow"): "generator",
    ("builtins", "anext_awaitable"): "awaitable",
    ("_asyncio", "FutureIter"): "future",
}


def await_chain(awaitable: Any) -> Tuple[List[FrameType], Any]:
    """The frames of a suspended generator or coroutine and of all it waits on, the outermost first.

    And what the last one waits on: None when nothing is known, or it waits on none of the program's objects.
    """
    frames: List[FrameType] = []
    seen = set()
    while awaitable is not None and id(awaitable) not in seen:
        seen.add(id(awaitable))
        if isinstance(awaitable, FrameType):
            return [*frames, awaitable], None
        if has_frame(awaitable):
            frame = _part(awaitable, "frame")
            if frame is not None:
                frames.append(frame)
            awaitable = _part(awaitable, "yieldfrom" if type(awaitable) is GeneratorType else "await")
            continue
        unwrap = unwrap_stackitem.find(awaitable)
        passed_on = _passed_on(awaitable) if unwrap is None else unwrap(awaitable)
        if passed_on is None:
            return frames, awaitable
        awaitable = passed_on
    return frames, None


# What is suspended is a stand-in or, where captured code may run, a real one.
_PREFIXES = {Suspended: "gi", GeneratorType: "gi", CoroutineType: "cr", AsyncGeneratorType: "ag"}


def has_frame(awaitable: Any) -> bool:
    """Whether it is a generator, a coroutine or an async generator."""
    return type(awaitable) in _PREFIXES


def is_running(awaitable: Any) -> bool:
    return has_frame(awaitable) and bool(_part(awaitable, "running"))


def _part(awaitable: Any, name: str) -> Any:
    if type(awaitable) is Suspended and name == "await":
        return awaitable.awaiting
    return getattr(awaitable, f"{_PREFIXES[type(awaitable)]}_{name}")


def _passed_on(awaitable: Any) -> Any:
    if not isinstance(awaitable, Absent) or awaitable.type is None:
        return None
    name = (awaitable.type.__module__, awaitable.type.__qualname__)
    part = _BETWEEN.get(name)
    return None if part is None else awaitable.attributes.get(part)


def as_traceback(frames: Sequence[FrameType]) -> Optional[TracebackType]:
    """A traceback that leads through these frames, the outermost first, each where it stands."""
    traceback: Optional[TracebackType] = None
    for frame in reversed(frames):
        traceback = TracebackType(traceback, frame, frame.f_lasti, frame.f_lineno or 0)
    return traceback
