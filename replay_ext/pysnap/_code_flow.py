"""What is on the evaluation stack of code at each of its instructions, by its bytecode alone: where each entry of the
stack comes from, and which blocks a frame is in (up to 3.10).
"""

from __future__ import annotations

import dis
import sys
from bisect import bisect_left
from types import CodeType
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

#: The instruction that has put an entry there, and which of those that it has put there; from AN_EXCEPTION on one of
#: those that an exception leaves for the handler at that place.
Origin = Tuple[int, int]
#: Where an entry may come from, on all ways through the code.
Origins = FrozenSet[Origin]
AN_EXCEPTION = 100

_ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
_ALWAYS = {"JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
_NO_JUMP = {"END_ASYNC_FOR"}  # from 3.14 on it names the SEND that it belongs to as jumps name their target
_MOST_STEPS = 300_000
_MOST_BLOCKS = 20  # CO_MAXBLOCKS
_EXCEPTION_SIZE = 6  # to 3.10: the exception that was handled before, and itself, of three parts each
_SETUPS = ("SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH")

# They leave what is below alone, and put as much above it as their effect says.
_ONLY_PUSH = {
    "PUSH_NULL",
    "IMPORT_FROM",
    "MATCH_MAPPING",
    "MATCH_SEQUENCE",
    "MATCH_KEYS",
    "GET_LEN",
    "GET_ANEXT",
    "WITH_EXCEPT_START",
    "FOR_ITER",
    "DUP_TOP",
    "DUP_TOP_TWO",
    "COPY",
    "RETURN_GENERATOR",
    "BEGIN_FINALLY",
    "NOP",
    "RESUME",
    "MAKE_CELL",
    "COPY_FREE_VARS",
    "NOT_TAKEN",
    "SETUP_ANNOTATIONS",
    "KW_NAMES",
    "LOAD_FAST",
    "LOAD_FAST_AND_CLEAR",
    "LOAD_FAST_BORROW",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    "LOAD_FAST_CHECK",
    "LOAD_FAST_LOAD_FAST",
    "LOAD_CONST",
    "LOAD_SMALL_INT",
    "LOAD_COMMON_CONSTANT",
    "LOAD_GLOBAL",
    "LOAD_NAME",
    "LOAD_LOCALS",
    "LOAD_DEREF",
    "LOAD_CLASSDEREF",
    "LOAD_CLOSURE",
    "LOAD_BUILD_CLASS",
    "LOAD_ASSERTION_ERROR",
}
# They take as much as their effect says, and change nothing below that.
_ONLY_POP = {
    "PRECALL",
    "PRINT_EXPR",
    "IMPORT_STAR",
    "LIST_APPEND",
    "LIST_EXTEND",
    "SET_ADD",
    "SET_UPDATE",
    "MAP_ADD",
    "DICT_MERGE",
    "DICT_UPDATE",
    "END_FOR",
    "END_ASYNC_FOR",
    "GEN_START",
    "JUMP_IF_FALSE_OR_POP",
    "JUMP_IF_TRUE_OR_POP",
    "JUMP_IF_NOT_EXC_MATCH",
    "STORE_FAST",
    "STORE_FAST_STORE_FAST",
    "STORE_NAME",
    "STORE_GLOBAL",
    "STORE_DEREF",
    "STORE_ATTR",
    "STORE_SUBSCR",
    "STORE_SLICE",
}
# What others take; the rest takes at least one, and leaves one where its effect does not say that it is more.
_TAKES = {"UNPACK_SEQUENCE": 1, "CHECK_EG_MATCH": 2, "CLEANUP_THROW": 3}


class Block(NamedTuple):
    """An entry of the block stack, up to 3.10."""

    handles: bool  # EXCEPT_HANDLER
    handler: int  # bytes; negative: none
    level: int


class State(NamedTuple):
    """One of the ways in which a frame may be at an instruction."""

    stack: Tuple[Origins, ...]
    blocks: Tuple[Block, ...]


def effect_of(opcode: int, argument: Optional[int]) -> int:
    """Of an instruction that does not jump."""
    if sys.version_info < (3, 13) and dis.opname[opcode] == "RETURN_GENERATOR":
        return 1  # what a generator is sent when it starts
    if dis.opname[opcode] == "BEGIN_FINALLY":
        return 1  # not the most that may be there in its place
    return dis.stack_effect(opcode, argument, jump=False)


def _taken(name: str, effect: int) -> int:
    if name in _ONLY_PUSH and effect >= 0:
        return 0
    if effect <= 0 and (name in _ONLY_POP or name.startswith(("POP_", "DELETE_", "JUMP_")) or name in _ENDS):
        return -effect
    if name == "FOR_ITER":
        return -effect
    if name.startswith("BUILD_"):
        return 1 - effect
    if name == "MATCH_CLASS" and effect == -1:
        return 3  # 3.10 leaves two
    return max(_TAKES.get(name, 1), (1 if name not in _TAKES else 0) - effect)


class Flow:
    """Raises ValueError where the code is not that of a compiler, or has more ways through it than are followed."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._instructions = [
            each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "EXTENDED_ARG")
        ]
        self._offsets = [each.offset for each in self._instructions]
        self._names = {each.offset: each.opname for each in self._instructions}
        #: By the offsets of instructions.
        self.states: Dict[int, List[State]] = {}
        #: Where control may go from there, handlers included.
        self.successors: Dict[int, Set[int]] = {}
        self._found: Dict[int, Dict[Tuple[int, Tuple[Block, ...]], Tuple[Origins, ...]]] = {}
        self._todo: List[Tuple[int, Tuple[int, Tuple[Block, ...]]]] = []
        self._from: Optional[int] = None
        self._entries = dis._parse_exception_table(code) if sys.version_info >= (3, 11) else []  # type: ignore[attr-defined]
        self._follow()
        for offset, known in self._found.items():
            self.states[offset] = [State(stack, blocks) for (_, blocks), stack in known.items()]

    def instruction(self, offset: int) -> Tuple[str, object]:
        """Its name, and what its argument means."""
        each = self._instructions[bisect_left(self._offsets, offset)]
        return each.opname, each.argval

    def instruction_at(self, offset: int) -> int:
        """Where the instruction itself is, before which its EXTENDED_ARGs begin at `offset`. ValueError: nowhere."""
        at = bisect_left(self._offsets, offset)
        if at == len(self._offsets):
            raise ValueError("no such place in the code")
        return self._offsets[at]

    def keeps_exception(self, origins: Origins) -> bool:
        """Whether such an entry keeps the exception that was handled before (3.11 on)."""
        return all(index == 0 and self._names.get(at) == "PUSH_EXC_INFO" for at, index in origins)

    def is_of_exception(self, origins: Origins) -> bool:
        """Whether such an entry is part of what the handler of an exception has on the stack."""
        return all(index >= AN_EXCEPTION or self._names.get(at) == "PUSH_EXC_INFO" for at, index in origins)

    def is_empty(self, origins: Origins) -> bool:
        """Whether such an entry may be the NULL that the body of a `finally` is entered with in 3.8."""
        return any(
            self._names.get(at) in ("BEGIN_FINALLY", "WITH_CLEANUP_FINISH") and index < AN_EXCEPTION
            for at, index in origins
        )

    def _follow(self) -> None:
        first = self._instructions[0].opname if self._instructions else ""
        # In 3.10 a generator that is started has what it is sent on its stack.
        self._add(0, (frozenset({(0, 0)}),) if first == "GEN_START" else (), ())
        steps = 0
        while self._todo:
            steps += 1
            if steps > _MOST_STEPS:
                raise ValueError("more ways through the code than are followed")
            at, (height, blocks) = self._todo.pop()
            offset = self._offsets[at]
            self._from = offset
            self._step(at, self._found[offset][height, blocks], blocks)

    def _add(self, offset: int, stack: Tuple[Origins, ...], blocks: Tuple[Block, ...]) -> None:
        at = bisect_left(self._offsets, offset)
        if at == len(self._offsets) or len(stack) > self._code.co_stacksize or len(blocks) > _MOST_BLOCKS:
            raise ValueError("no such place in the code")
        if self._from is not None:
            self.successors.setdefault(self._from, set()).add(self._offsets[at])
        known = self._found.setdefault(self._offsets[at], {})
        key = (len(stack), blocks)
        before = known.get(key)
        merged = stack if before is None else tuple(one | other for one, other in zip(before, stack))
        if merged != before:
            known[key] = merged
            self._todo.append((at, key))

    def _after(self, at: int, stack: Tuple[Origins, ...], effect: int) -> Tuple[Origins, ...]:
        each = self._instructions[at]
        name, argument = each.opname, each.arg or 0
        count = {"ROT_TWO": 2, "ROT_THREE": 3, "ROT_FOUR": 4}.get(name, argument)
        if name == "SWAP" or name.startswith("ROT_"):
            if not 0 < count <= len(stack):
                raise ValueError("the code takes more than there is on its stack")
            moved = list(stack)
            if name == "SWAP":
                moved[-count], moved[-1] = moved[-1], moved[-count]
            else:
                moved.insert(len(moved) - count, moved.pop())
            return tuple(moved)
        taken = _taken(name, effect)
        if taken > len(stack):
            raise ValueError("the code takes more than there is on its stack")
        made = tuple(frozenset({(each.offset, index)}) for index in range(taken + effect))
        return (*stack[: len(stack) - taken], *made)

    def _step(self, at: int, stack: Tuple[Origins, ...], blocks: Tuple[Block, ...]) -> None:
        each = self._instructions[at]
        for entry in self._entries:
            # The end of 3.15's generator expressions has less on its stack than their handler: nothing is raised there.
            if entry.start <= each.offset < entry.end and entry.depth <= len(stack):
                self._add(entry.target, (*stack[: entry.depth], *_exception(entry.target, 1 + bool(entry.lasti))), ())
        following = self._offsets[at + 1] if at + 1 < len(self._offsets) else len(self._code.co_code)
        if sys.version_info < (3, 11):
            if each.opname in _SETUPS:
                return self._set_up(at, stack, blocks, following)
            if each.opname in ("POP_BLOCK", "POP_EXCEPT", "END_ASYNC_FOR"):
                if not blocks:
                    raise ValueError("the code leaves a block that it is not in")
                blocks = blocks[:-1]
        if sys.version_info < (3, 9) and self._step_of_finally(at, stack, blocks, following):
            return None
        if (each.opcode in dis.hasjrel or each.opcode in dis.hasjabs) and each.opname not in _NO_JUMP:
            self._add(each.argval, self._after(at, stack, dis.stack_effect(each.opcode, each.arg, jump=True)), blocks)
            if each.opname in _ALWAYS:
                return None
        if each.opname not in _ENDS:
            self._add(following, self._after(at, stack, effect_of(each.opcode, each.arg)), blocks)
        return None

    def _set_up(self, at: int, stack: Tuple[Origins, ...], blocks: Tuple[Block, ...], following: int) -> None:
        each = self._instructions[at]
        body = stack
        level = len(stack)
        if each.opname == "SETUP_WITH":
            # The context manager makes room for its exit method and what the enter method gave.
            body = (*stack[:-1], frozenset({(each.offset, 0)}), frozenset({(each.offset, 1)}))
        elif each.opname == "SETUP_ASYNC_WITH":
            level -= 1
        if not 0 <= level < len(body) + 1:
            raise ValueError("the code takes more than there is on its stack")
        handling = (*blocks, Block(True, -1, level))
        self._add(each.argval, (*body[:level], *_exception(each.argval, _EXCEPTION_SIZE)), handling)
        self._add(following, body, (*blocks, Block(False, each.argval, level)))

    def _step_of_finally(self, at: int, stack: Tuple[Origins, ...], blocks: Tuple[Block, ...], following: int) -> bool:
        """3.8, where the body of a `finally` is the same code whatever it is entered with: nothing (NULL), an address
        to return to, or an exception. False for other instructions.
        """
        each = self._instructions[at]
        if each.opname == "CALL_FINALLY":
            self._add(each.argval, (*stack, frozenset({(each.offset, 0)})), blocks)
            self._add(following, stack, blocks)
            return True
        if each.opname == "END_FINALLY":
            if stack and self.is_empty(stack[-1]):
                self._add(following, stack[:-1], blocks)
            return True
        if each.opname == "POP_FINALLY":
            kept = stack[len(stack) - 1 :] if each.arg else ()
            rest = stack[: len(stack) - len(kept)]
            size = self._exception_size(rest)
            self._add(following, (*rest[: len(rest) - (size or 1)], *kept), blocks[:-1] if size else blocks)
            return True
        if each.opname == "WITH_CLEANUP_START":
            made = tuple(frozenset({(each.offset, index)}) for index in range(3))
            size = self._exception_size(stack)
            if not size:
                self._add(following, (*stack[:-2], stack[-1], *made[:2]), blocks)
            elif blocks and len(stack) > size:
                below = stack[: len(stack) - size - 1]
                old, new = stack[-6:-3], stack[-3:]
                lower = (*blocks[:-1], blocks[-1]._replace(level=blocks[-1].level - 1))
                self._add(following, (*below, *old, made[2], *new, *made[:2]), lower)
            return True
        if each.opname == "WITH_CLEANUP_FINISH":
            rest = stack[:-2]
            self._add(following, rest, blocks)
            size = self._exception_size(rest)
            if size and blocks:
                # The exit method may have swallowed the exception.
                self._add(following, (*rest[: len(rest) - size], frozenset({(each.offset, 0)})), blocks[:-1])
            return True
        return False

    def _exception_size(self, stack: Tuple[Origins, ...]) -> int:
        """Of the exception on top, with the NULL that is put into it while its `with` is left; 0: there is none."""
        if len(stack) < _EXCEPTION_SIZE or not all(index >= AN_EXCEPTION for _, index in stack[-1]):
            return 0
        within = any(self._names.get(at) == "WITH_CLEANUP_START" and index < AN_EXCEPTION for at, index in stack[-4])
        return _EXCEPTION_SIZE + 1 if within else _EXCEPTION_SIZE


def _exception(handler: int, size: int) -> Tuple[Origins, ...]:
    return tuple(frozenset({(handler, AN_EXCEPTION + index)}) for index in range(size))
