"""greenback: a coroutine's frames that are in a greenlet, so that what it calls can await without being async."""

from __future__ import annotations

from types import FrameType
from typing import Any, List, Mapping, Tuple

from ._greenlets import Greenlet
from ._hooks import customize
from ._stacks import await_chain

# Names of greenback 1.0 to 1.3.
_MODULE = "greenback._impl"
_SHIMS = ("_greenback_shim", "_greenback_shim_sync")

for _name in ("greenback_shim", "trampoline", "await_", *_SHIMS):
    customize(_MODULE, _name, hide=True)
for _name in ("Value.send", "Error.send"):
    customize("outcome._impl", _name, hide=True)


def through_portals(
    frames: List[FrameType], leaf: Any, greenlets: Mapping[int, Greenlet]
) -> Tuple[List[FrameType], Any]:
    """A stack that ends in greenback's shim, or in its await_(), goes on in the greenlet, or the awaitable, behind it.

    `greenlets`: by the id() of the object that is captured of each.
    """
    frames = list(frames)
    seen = set()
    while frames and frames[-1].f_globals.get("__name__") == _MODULE:
        last = frames[-1]
        if id(last) in seen:
            break
        seen.add(id(last))
        more: List[FrameType] = []
        if last.f_code.co_name in _SHIMS:
            greenlet = greenlets.get(id(last.f_locals.get("resume_greenlet")))
            more, leaf = ([], leaf) if greenlet is None or greenlet.state != "suspended" else (greenlet.frames, None)
        elif last.f_code.co_name == "await_":
            more, leaf = await_chain(last.f_locals.get("coro"))
        if not more:
            break
        frames += more
    return frames, leaf
