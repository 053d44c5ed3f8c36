"""What a frame that goes on comes to, and how that reaches its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._absent import Suspended

if TYPE_CHECKING:
    from ._continuation import Continuation


class Completion(NamedTuple):
    """What a frame has come to, so far."""

    result: Any = None
    exception: Optional[BaseException] = None
    yielded: bool = False


class Link:
    """The caller's instruction gives what the frame has returned, or raises what it has raised."""

    #: The stand-in of the generator that goes on; other frames may go on with it, too.
    going: Optional[Suspended] = None

    def pass_on(self, outer: Continuation, ended: Completion, generator: Any) -> Completion:
        """What the caller's instruction gives; it may let the caller execute that once more. `generator`: what has let
        the frame go on.
        """
        return ended
