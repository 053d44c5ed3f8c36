"""A captured frame of which it is known how it goes on."""

from __future__ import annotations

import dis
import inspect
import sys
from types import CodeType, FrameType, FunctionType
from typing import Any, Generator, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import _core
from ._absent import Absent, Suspended
from ._code_flow import Flow, State
from ._completion import Link
from ._entry import entering
from ._record import Record
from ._running import NotIterator
from ._stack_heights import Place, below, place_of
from ._standing import CannotResume, EndedFrame, Standing, name_of

EXCEPT_HANDLER = 257  # a block's type, to 3.10
_SETUP_FINALLY = dis.opmap.get("SETUP_FINALLY", 0)  # the type of all others
_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_NO_ROOM = "the evaluation stack of {name} is not known: {why}"

#: As the frame's record has it: type, handler, level.
FrameBlock = Tuple[int, int, int]


class _Start(NamedTuple):
    """Where a frame goes on, and with what."""

    stack: List[Any]
    blocks: List[FrameBlock]
    #: Of an instruction whose result is given; without it `target` is executed, with what is given as its last operand
    #: where `takes` says so.
    place: Optional[Place]
    target: int
    takes: bool
    handled: Any


class Continuation(Record):
    """What a frame goes on with, and where."""

    def __init__(self, frame: FrameType, handled: Any) -> None:
        self.name = name_of(frame)
        self.frame = frame
        #: The exception that the thread handles while this frame is the innermost one.
        self.handled = handled
        self.is_generator = bool(frame.f_code.co_flags & _GENERATORS)
        self.has_ended = False
        #: How it is given what the frame that it has called comes to.
        self.link = Link()
        self.flow: Optional[Flow] = None
        self.place: Optional[Place] = None
        #: What is on its stack below the operands of the instruction that it is within; nothing when that is not known.
        self.stack: List[Any] = []
        self.blocks: List[FrameBlock] = []
        #: In what ways its code can have come there; none when it is not known what is on its stack.
        self.ways: List[State] = []
        self.outer_exceptions: Tuple[int, ...] = ()
        self._start: Optional[_Start] = None

    @classmethod
    def of_standing(cls, standing: Standing, handled: Any) -> Continuation:
        """Raises CannotResume when it is not known what is on its stack."""
        facts = standing.facts
        made = cls(standing.frame, handled)
        made._check(facts["real"], facts["torn"])
        if not facts["below_call"]:
            raise CannotResume(_NO_ROOM.format(name=made.name, why=_reason(facts["why"])))
        place = place_of(made.frame.f_code, facts["lasti"])
        if place is None:
            raise CannotResume(_NO_ROOM.format(name=made.name, why="it is at no instruction of its code"))
        made.place = place
        made.stack = facts["stack"]
        made.blocks = facts["blocks"]
        made._verify(place)
        made.within_its_place()
        return made

    @classmethod
    def without_stack(cls, standing: Standing, handled: Any) -> Continuation:
        """Of one whose stack is not known: it can only go on where it needs none."""
        made = cls(standing.frame, handled)
        made._check(standing.facts["real"], standing.facts["torn"])
        if handled is not None:
            raise CannotResume(f"which exception {made.name} handles is not known, as its stack is not")
        return made

    @classmethod
    def of_ended(cls, ended: EndedFrame) -> Continuation:
        """The same of one that has ended."""
        made = cls(ended.frame, None)
        made.has_ended = True
        made._check(ended.real, ended.torn)
        return made

    def _check(self, real: bool, torn: bool) -> None:
        if not real:
            raise CannotResume(f"{self.name} does not have the bytecode that it was captured with")
        if torn:
            raise CannotResume(f"a variable of {self.name} was not captured as it was")
        if self.frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR:
            raise CannotResume(f"{self.name} is an async generator, which only its caller can let go on")

    def analyzed(self) -> Flow:
        """Raises CannotResume."""
        if self.flow is None:
            try:
                self.flow = Flow(self.frame.f_code)
            except (ValueError, AttributeError) as error:
                raise CannotResume(_NO_ROOM.format(name=self.name, why=error)) from None
        return self.flow

    def _verify(self, place: Place) -> None:
        flow = self.analyzed()
        found = below(self.frame.f_code, flow, place)
        if sys.version_info < (3, 11):
            blocks = [(kind == EXCEPT_HANDLER, handler, level) for kind, handler, level in self.blocks]
            # An EXCEPT_HANDLER's handler means something else, and only in 3.10.
            found = [state for state in found if [tuple(b) for b in state.blocks] == [_plain(b) for b in blocks]]
            self.outer_exceptions = tuple(level + 1 for handles, _, level in blocks if handles)
        self.ways = [state for state in found if len(state.stack) == len(self.stack)]
        if not self.ways or len(self.ways) != len(found):
            raise CannotResume(_NO_ROOM.format(name=self.name, why="its code says another height"))
        if sys.version_info >= (3, 11):
            entries = self.ways[0].stack
            self.outer_exceptions = tuple(at for at, each in enumerate(entries) if flow.keeps_exception(each))

    def handled_outside(self, height: int = 0) -> Any:
        """The exception that was handled before the handlers that keep it on the stack from `height` on; with 0, by the
        caller when it called.
        """
        outer = [at for at in self.outer_exceptions if at >= height]
        if not outer:
            return self.handled
        item = self.stack[outer[0]] if outer[0] < len(self.stack) else None
        return item[0] if isinstance(item, tuple) else None

    def at(self, target: int, state: State, kept: int) -> None:
        """It goes on with this instruction, in this way, which has so many entries of its stack as they are. What is
        more there is the NULL that a `finally` is entered with in 3.8.
        """
        blocks = []
        for level, block in enumerate(state.blocks):
            # A handler's is the frame's own, which in 3.10 has in it where the exception came from.
            blocks.append(self.blocks[level] if block.handles else (_SETUP_FINALLY, block.handler, block.level))
        stack = [*self.stack[:kept], *[None] * (len(state.stack) - kept)]
        self._start = _Start(stack, blocks, None, target, False, self.handled_outside(kept))

    def within_its_place(self) -> None:
        """It goes on with what the instruction that it is within gives, or raises."""
        self._start = _Start(self.stack, self.blocks, self.place, 0, False, self.handled)

    def again_at_its_place(self, operands: Sequence[Any] = (), takes: bool = False) -> None:
        """It executes the instruction that it is within once more, with these operands, and what is given as the last
        one where it `takes` that.
        """
        assert self.place is not None
        self._start = _Start([*self.stack, *operands], self.blocks, None, self.place.begin, takes, self.handled)

    def check_stack(self, going: Sequence[Optional[Suspended]] = ()) -> None:
        """Raises CannotResume for a value that it would go on with and that is not in the snapshot. `going`: stand-ins
        that will go on.
        """
        assert self._start is not None
        for item in self._start.stack:
            if not isinstance(item, tuple) or any(item[0] is each for each in going):
                continue
            value = item[0]
            if isinstance(value, (Absent, NotIterator, Suspended)):
                raise CannotResume(f"{self.name} would go on with a value that is not in the snapshot: {value!r}")

    def make(self, raises: bool) -> Generator[Any, Any, Any]:
        """A generator that goes on as the frame does: what is sent to it is what the instruction gives."""
        start = self._start
        assert start is not None
        code = self.frame.f_code
        if start.place is not None:
            offset, behind = start.place.offset, start.place.behind
        elif start.takes:
            offset, behind = start.target - 2, start.target
        else:
            code, offset, behind = entering(code, start.target)
        return _core.continuation(
            self.frame,
            code,
            start.stack,
            start.blocks,
            offset,
            behind,
            start.handled if isinstance(start.handled, BaseException) else None,
            raises,
            _carrier(code) if sys.version_info >= (3, 11) else None,
        )


def _plain(block: Tuple[bool, int, int]) -> Tuple[bool, int, int]:
    handles, handler, level = block
    return (handles, -1 if handles else handler, level)


def _reason(why: Optional[Absent]) -> str:
    return "what its instruction leaves there was not told" if why is None else str(why.detail or why.reason)


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
