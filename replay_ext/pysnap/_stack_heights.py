"""The instruction that a frame is within, and what is on its stack below the operands of that."""

from __future__ import annotations

import dis
from bisect import bisect_right
from types import CodeType
from typing import List, NamedTuple, Optional

from ._code_flow import Flow, State, effect_of


class Place(NamedTuple):
    """The instruction that a frame is within."""

    offset: int
    behind: int
    name: str
    #: Where the EXTENDED_ARGs before it begin.
    begin: int


def place_of(code: CodeType, lasti: int) -> Optional[Place]:
    """Nothing where no instruction follows. Offsets are bytes; in 3.11 a call is of two instructions."""
    instructions = [each for each in dis.get_instructions(code) if each.opname != "CACHE"]
    at = bisect_right([each.offset for each in instructions], lasti) - 1
    if at < 0 or instructions[at].opname == "EXTENDED_ARG":
        return None
    last = at + 1 if instructions[at].opname == "PRECALL" else at
    if last + 1 >= len(instructions):
        return None
    begin = at
    while begin > 0 and instructions[begin - 1].opname == "EXTENDED_ARG":
        begin -= 1
    each = instructions[at]
    return Place(each.offset, instructions[last + 1].offset, each.opname, instructions[begin].offset)


def below(code: CodeType, flow: Flow, place: Place) -> List[State]:
    """What may be on the stack below the operands of the instruction, which leaves one result."""
    for each in dis.get_instructions(code):
        if each.offset == place.offset:
            effect = effect_of(each.opcode, each.arg) - 1 - (place.name == "PRECALL")
            found = [
                State(state.stack[: len(state.stack) + effect], state.blocks)
                for state in flow.states.get(place.offset, ())
                if len(state.stack) + effect >= 0
            ]
            return [state for at, state in enumerate(found) if state not in found[:at]]
    return []
