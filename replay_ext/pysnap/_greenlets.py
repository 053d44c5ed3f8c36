"""Greenlets: stacks that a thread leaves and comes back to without the interpreter's doing."""

from __future__ import annotations

from types import FrameType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ._absent import Absent
from ._record import Record

_STATES = (None, "not started", "running", "suspended", "finished")


class Greenlet(Record):
    """A greenlet, as `pysnap show --json` describes it."""

    def __init__(self, facts: Any, running_frames: Sequence[FrameType]) -> None:
        """`running_frames`: of the thread that it belongs to, the outermost first."""
        #: id(greenlet) in the program, as text: "0x7f…".
        self.id: str = hex(facts["address"])
        #: What is captured of the greenlet itself.
        self.object: Any = facts["object"]
        #: "not started", "running", "suspended", "finished"; None when it is not known.
        self.state = _STATES[facts["state"]] if facts["state"] < len(_STATES) else None
        #: It is the one that its thread began as.
        self.is_main: bool = facts["is_main"]
        #: The ids of the greenlet that goes on when it ends, and of the main one of its thread.
        self.parent: Optional[str] = _id_of(facts["parent"])
        self.main: Optional[str] = _id_of(facts["main"])
        self.native_id: Optional[int] = facts["native_id"]  # of its thread; None: not known
        self.interpreter: int = facts["interpreter"]
        #: The thread that it ran in is no more: it can never go on.
        self.thread_ended: bool = facts["thread_ended"]
        #: What one that is not started will call; None where its class tells.
        self.run: Any = facts["run"]
        #: The exception that a suspended one was handling, or None.
        self.handling: Optional[BaseException] = facts["handling"]
        #: An Absent that says why frames are missing, or why nothing is known of it.
        self.truncated: Any = facts["truncated"]
        self.absent: Any = facts["absent"]
        #: Its frames, the outermost first; of a running one those of its thread.
        self.frames: List[FrameType] = (
            list(running_frames) if self.state == "running" else list(reversed(facts["frames"]))
        )

    @property
    def type_name(self) -> str:
        """Of the greenlet's class: "gevent.greenlet.Greenlet"."""
        cls = self.object.type if type(self.object) is Absent else type(self.object)
        return "greenlet" if cls is None else f"{cls.__module__}.{cls.__qualname__}"

    def __repr__(self) -> str:
        return f"<Greenlet {self.id} {self.state} frames={len(self.frames)}>"


def _id_of(address: int) -> Optional[str]:
    return hex(address) if address else None


def groups(greenlets: Sequence[Greenlet]) -> Iterator[Tuple[Greenlet, List[Greenlet]]]:
    """Each with those of its thread that stand where it does."""
    found: List[Tuple[Greenlet, List[Greenlet]]] = []
    alike: Dict[Any, List[Greenlet]] = {}
    for greenlet in greenlets:
        if greenlet.is_main or greenlet.state != "suspended":
            found.append((greenlet, []))
            continue
        frames = ((frame.f_code, frame.f_lasti) for frame in greenlet.frames)
        place = (greenlet.type_name, greenlet.native_id, greenlet.interpreter, greenlet.parent, *frames)
        if place in alike:
            alike[place].append(greenlet)
        else:
            alike[place] = []
            found.append((greenlet, alike[place]))
    yield from found
