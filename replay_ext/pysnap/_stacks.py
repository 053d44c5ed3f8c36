"""Stacks that no thread runs: of what is suspended."""

from __future__ import annotations

from types import FrameType, TracebackType
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
        if type(awaitable) is Suspended:
            if awaitable.frame is not None:
                frames.append(awaitable.frame)
            awaitable = awaitable.awaiting
            continue
        unwrap = unwrap_stackitem.find(awaitable)
        passed_on = _passed_on(awaitable) if unwrap is None else unwrap(awaitable)
        if passed_on is None:
            return frames, awaitable
        awaitable = passed_on
    return frames, None


def _passed_on(awaitable: Any) -> Any:
    if type(awaitable) is not Absent or awaitable.type is None:
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
