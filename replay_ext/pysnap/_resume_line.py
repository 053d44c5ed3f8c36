"""Lets a frame go on from the beginning of one of its lines."""

from __future__ import annotations

import dis
import inspect
import sys
from types import CodeType, FrameType
from typing import Dict, FrozenSet, List, Optional, Set, Tuple

from ._code_flow import Flow, State
from ._continuation import Continuation
from ._standing import CannotResume

_UNCHECKED = {"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"}
_NOWHERE = State((), ())


def go_to_line(continuation: Continuation, line: int) -> None:
    """What is on the frame's stack is kept as far as the line has the same there: it is within the same loops, with
    blocks and handlers. Nothing of those that are left runs, as with the debugger's `jump`. Of several places that a
    line begins at (the body of a `finally` is there for each way into it) it is the one that keeps the most.

    Raises CannotResume.
    """
    flow = continuation.analyzed()
    places = _beginnings(continuation.frame.f_code, flow, line)
    if not places:
        raise CannotResume(f"line {line} has no code of {continuation.name}")
    here = continuation.ways[0] if continuation.ways else _NOWHERE
    best: Optional[Tuple[int, State, int]] = None
    for offset in sorted(places):
        for state in flow.states[places[offset]]:
            kept = _kept(flow, here, state)
            if kept is not None and (best is None or kept > best[2]):
                best = (offset, state, kept)
    if best is None:
        states = [state for at in places.values() for state in flow.states[at]]
        raise CannotResume(_refusal(continuation, flow, here, states, line))
    unbound = _unbound(continuation.frame, flow, flow.instruction_at(best[0]))
    if unbound:
        names = ", ".join(sorted(unbound))
        raise CannotResume(f"line {line} of {continuation.name} needs a value of {names}: assign one first")
    continuation.at(*best)


def _beginnings(code: CodeType, flow: Flow, line: int) -> Dict[int, int]:
    """Where the line can be come to from another one: by the place to go to, the instruction there."""
    first = _first_instruction(code)
    starts = [(offset, at) for offset, at in dis.findlinestarts(code) if at is not None]
    lines = [at for offset, at in starts if offset <= first]
    found = {offset: flow.instruction_at(offset) for offset, at in starts if at == line and offset > first}
    if lines and lines[-1] == line:
        found[first] = flow.instruction_at(first)
    wanted = set(found.values())
    reached: Set[int] = set()
    todo = [flow.instruction_at(0)]
    seen = set(todo)
    while todo:
        at = todo.pop()
        if at in wanted:
            reached.add(at)
            continue
        new = flow.successors.get(at, set()) - seen
        seen |= new
        todo.extend(new)
    return {offset: at for offset, at in found.items() if at in reached}


def _first_instruction(code: CodeType) -> int:
    """The first one of the function's own: what is before makes cells, and the generator that runs it."""
    instructions = [each for each in dis.get_instructions(code) if each.opname != "CACHE"]
    names = [each.opname for each in instructions]
    at = names.index("RETURN_GENERATOR") if "RETURN_GENERATOR" in names else 0
    for name in ("RESUME", "GEN_START"):
        if name in names[at:]:
            return instructions[names.index(name, at) + 1].offset
    return 0


def _kept(flow: Flow, here: State, there: State) -> Optional[int]:
    """How much of the stack is kept there: as far as all that may be on it here may be there, too. Nothing when more is
    needed than that.
    """
    kept = 0
    for have, want in zip(here.stack, there.stack):
        if not have <= want:
            break
        kept += 1
    # The NULL that a `finally` is entered with can be put there.
    missing = there.stack[kept:]
    if len(missing) > 1 or not all(flow.is_empty(origins) for origins in missing):
        return None
    for level, block in enumerate(there.blocks):
        if block.handles and (level >= len(here.blocks) or here.blocks[level] != block):
            return None
    return kept


def _unbound(frame: FrameType, flow: Flow, target: int) -> Set[str]:
    """The variables without a value that may be read from there on. From 3.12 on the interpreter does not look where
    all ways from the beginning of the code give them one.
    """
    code = frame.f_code
    if sys.version_info < (3, 12) or not code.co_flags & inspect.CO_OPTIMIZED:
        return set()
    missing = frozenset(code.co_varnames) - frozenset(frame.f_locals)
    read: Set[str] = set()
    todo = [(target, missing)]
    seen: Dict[int, FrozenSet[str]] = {}
    while todo and missing:
        at, unbound = todo.pop()
        known = seen.get(at, frozenset())
        if unbound <= known:
            continue
        unbound = seen[at] = known | unbound
        name, argument = flow.instruction(at)
        names = argument if isinstance(argument, tuple) else (argument,)
        if name == "STORE_FAST_LOAD_FAST":
            unbound -= {names[0]}
            read |= unbound & {names[1]}
        elif name in _UNCHECKED:
            read |= unbound & set(names)
        elif name.startswith("STORE_FAST"):
            unbound -= set(names)
        todo.extend((behind, unbound) for behind in flow.successors.get(at, ()))
    return read


def _refusal(continuation: Continuation, flow: Flow, here: State, states: List[State], line: int) -> str:
    name = continuation.name
    if continuation.place is None:
        why = "has a stack that is not known"
        if continuation.has_ended:
            why = "has ended, and what was on its stack is gone"
        return f"{name} {why}: line {line} goes on with what a block or an expression around it keeps there"
    for state in states:
        known = len([None for have, want in zip(here.stack, state.stack) if have <= want])
        for origins in state.stack[known : known + 1]:
            if flow.is_of_exception(origins):
                return f"line {line} is part of a handler of an exception, which {name} is not in"
    return f"line {line} is within a block or an expression that {name} is not in"
