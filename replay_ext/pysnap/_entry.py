"""Code that can be entered at any of its instructions, by a generator that is sent something."""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import Tuple


def entering(code: CodeType, target: int) -> Tuple[CodeType, int, int]:
    """The same code with two instructions behind its end, which drop what is sent and go to the offset `target`. All
    offsets, lines and handlers are the same.

    Also the offsets of the instruction before these, and of the first of them.
    """
    end = len(code.co_code)
    entry = bytes([dis.opmap["POP_TOP"], 0]) + _jump(end + 2, target)
    return code.replace(co_code=code.co_code + entry), end - 2, end


def _jump(at: int, target: int) -> bytes:
    if sys.version_info < (3, 11):
        # From 3.10 on arguments count code units.
        return _instruction(dis.opmap["JUMP_ABSOLUTE"], target // 2 if sys.version_info >= (3, 10) else target)
    opcode = dis.opmap["JUMP_BACKWARD_NO_INTERRUPT"]
    for size in (2, 4, 6, 8):
        made = _instruction(opcode, (at + size - target) // 2)
        if len(made) == size:
            return made
    raise ValueError("the code is too long")


def _instruction(opcode: int, argument: int) -> bytes:
    high = argument >> 8
    digits = []
    while high:
        digits.append(high & 0xFF)
        high >>= 8
    extended = [byte for digit in reversed(digits) for byte in (dis.opmap["EXTENDED_ARG"], digit)]
    return bytes([*extended, opcode, argument & 0xFF])
