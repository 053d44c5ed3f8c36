"""How high the evaluation stack is at each instruction of code, and which entries keep an outer exception (3.11 on)."""

from __future__ import annotations

import dis
import sys
from bisect import bisect_right
from types import CodeType
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

_ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
_ALWAYS = {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
_MOST_STEPS = 1_000_000


class State(NamedTuple):
    height: int
    #: Where PUSH_EXC_INFO has put the exception that was handled before, the lowest first.
    outer_exceptions: Tuple[int, ...]


class Place(NamedTuple):
    """The instruction that a frame is within."""

    offset: int
    behind: int
    name: str


def place_of(code: CodeType, lasti: int) -> Optional[Place]:
    """Nothing where no instruction follows. Offsets are bytes; in 3.11 a call is of two instructions."""
    instructions = [each for each in dis.get_instructions(code) if each.opname != "CACHE"]
    at = bisect_right([each.offset for each in instructions], lasti) - 1
    if at < 0 or instructions[at].opname == "EXTENDED_ARG":
        return None
    last = at + 1 if instructions[at].opname == "PRECALL" else at
    if last + 1 >= len(instructions):
        return None
    return Place(instructions[at].offset, instructions[last + 1].offset, instructions[at].opname)


def states(code: CodeType) -> Dict[int, Set[State]]:
    """By the offsets of instructions, from 3.11 on. ValueError when the code is not that of a compiler."""
    instructions = [each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "EXTENDED_ARG")]
    offsets = [each.offset for each in instructions]
    entries = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    found: Dict[int, Set[State]] = {}
    todo: List[Tuple[int, State]] = []

    def add(offset: int, height: int, outer: Tuple[int, ...]) -> None:
        at = bisect_right(offsets, offset - 1)
        if at >= len(offsets) or not 0 <= height <= code.co_stacksize:
            raise ValueError("no such place in the code")
        state = State(height, tuple(each for each in outer if each < height))
        known = found.setdefault(offsets[at], set())
        if state not in known:
            known.add(state)
            todo.append((at, state))

    add(0, 0, ())
    steps = 0
    while todo:
        steps += 1
        if steps > _MOST_STEPS:
            raise ValueError("more ways through the code than are followed")
        at, (height, outer) = todo.pop()
        each = instructions[at]
        for entry in entries:
            if entry.start <= each.offset < entry.end:
                below = tuple(position for position in outer if position < entry.depth)
                add(entry.target, entry.depth + bool(entry.lasti) + 1, below)
        if each.opname == "PUSH_EXC_INFO":
            outer = (*outer, height - 1)
        if each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
            add(each.argval, height + dis.stack_effect(each.opcode, each.arg, jump=True), outer)
            if each.opname in _ALWAYS:
                continue
        if each.opname not in _ENDS and at + 1 < len(offsets):
            add(offsets[at + 1], height + effect_of(each.opcode, each.arg), outer)
    return found


def effect_of(opcode: int, argument: Optional[int]) -> int:
    """Of an instruction that does not jump."""
    if sys.version_info < (3, 13) and dis.opname[opcode] == "RETURN_GENERATOR":
        return 1  # what a generator is sent when it starts
    return dis.stack_effect(opcode, argument, jump=False)


def height_below(code: CodeType, place: Place) -> Set[State]:
    """What may be on the stack below the operands of the instruction, which leaves one result (3.11 on)."""
    for each in dis.get_instructions(code):
        if each.offset == place.offset:
            effect = effect_of(each.opcode, each.arg) - 1 - (place.name == "PRECALL")
            below = {
                (state.height + effect, tuple(at for at in state.outer_exceptions if at < state.height + effect))
                for state in states(code).get(place.offset, ())
            }
            return {State(*each) for each in below}
    return set()
