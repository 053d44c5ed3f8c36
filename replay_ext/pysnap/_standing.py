"""Where captured frames stand: what is known of them besides their variables, as far as code may run."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ._absent import CodeNotRun
from ._codes import qualified_name


class CannotResume(CodeNotRun):
    """Raised for a frame that cannot go on; it says why. Nothing has run."""

    __module__ = "pysnap"


class Standing(NamedTuple):
    """A thread's frame, and what there is besides its variables."""

    frame: FrameType
    facts: Dict[str, Any]


class Stack(NamedTuple):
    frames: List[Standing]  # the innermost first
    waits: bool
    handling: Any


class EndedFrame(NamedTuple):
    """A frame that has returned, or that an exception has left; that of a traceback."""

    frame: FrameType
    real: bool
    torn: bool


# Frames take no weak references: these go with the snapshot, which holds the frames.
_stacks: weakref.WeakKeyDictionary[Any, List[Stack]] = weakref.WeakKeyDictionary()
_ended: weakref.WeakKeyDictionary[Any, List[EndedFrame]] = weakref.WeakKeyDictionary()


def register(
    snapshot: Any,
    standing: List[Tuple[FrameType, Dict[str, Any]]],
    ended: List[Tuple[FrameType, bool, bool]],
    threads: List[Any],
) -> None:
    """Remember what the frames of the snapshot need to go on."""
    facts = {id(frame): each for frame, each in standing}
    _stacks[snapshot] = [
        Stack(
            [Standing(frame, facts[id(frame)]) for frame in thread["frames"]],
            thread["stopped"] and thread["waits"] and not thread["wants_gil"] and not thread["holds_gil"],
            thread["handling"],
        )
        for thread in threads
    ]
    _ended[snapshot] = [EndedFrame(*each) for each in ended]


def find(frame: FrameType) -> Tuple[Stack, int]:
    """The thread that was running it, and its place there. Raises CannotResume for all other frames."""
    for stacks in list(_stacks.values()):
        for stack in stacks:
            for index, standing in enumerate(stack.frames):
                if standing.frame is frame:
                    return stack, index
    raise CannotResume(f"{name_of(frame)} is no frame that a thread was running, or its snapshot is gone")


def find_ended(frame: FrameType) -> Optional[EndedFrame]:
    for frames in list(_ended.values()):
        for each in frames:
            if each.frame is frame:
                return each
    return None


def name_of(frame: FrameType) -> str:
    return str(qualified_name(frame.f_code, frame.f_globals))
