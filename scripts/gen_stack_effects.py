"""What each opcode of the interpreter that runs this does to the evaluation stack, as dis.stack_effect tells it.

    python3.12 scripts/gen_stack_effects.py > snapshotter/cpython/versions/v3_12.stack_effects.inc

The last column says what an instruction is when Python code runs within it: a call (of what is below its other operands
on the stack), or another one that puts just one result in the place of its operands, and changes nothing below them.

The effect of an instruction is fitted to

    base + low * (argument & 0xff) + high * (argument >> 8) + per_bit * popcount(argument & bits)

over many arguments; an opcode that is not of this form ends the script. It must run in every supported version.
"""

import dis
import opcode
import sys
from typing import Dict, Iterable, List, NamedTuple, Optional

# Where control does not go on behind an instruction.
_ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
_ALWAYS = {"JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
_ARGUMENTS = [*range(41), 255, 256, 257, 512, 515]
# The only arguments that the compiler gives it.
_SLICE_ARGUMENTS = [2, 3]


_CALLS = {"CALL", "CALL_FUNCTION", "CALL_METHOD", "CALL_FUNCTION_KW", "CALL_FUNCTION_EX", "CALL_KW", "PRECALL"}
_GIVES_RESULT = {
    "FOR_ITER",
    "COMPARE_OP",
    "CONTAINS_OP",
    "GET_ITER",
    "LOAD_ATTR",
    "SEND",
    "WITH_EXCEPT_START",
    "YIELD_FROM",
}


class _Fit(NamedTuple):
    base: int
    low: int
    high: int
    bits: int
    per_bit: int

    def effect(self, argument: int) -> int:
        counted = bin(argument & self.bits).count("1")
        return self.base + self.low * (argument & 0xFF) + self.high * (argument >> 8) + self.per_bit * counted


def _effect(number: int, argument: Optional[int], jump: bool) -> int:
    return dis.stack_effect(number, argument, jump=jump)


def _takes_argument(number: int) -> bool:
    if hasattr(dis, "hasarg"):
        return number in dis.hasarg
    return number >= dis.HAVE_ARGUMENT


def _candidates(effects: Dict[int, int]) -> Iterable[_Fit]:
    yield _Fit(next(iter(effects.values())), 0, 0, 0, 0)
    if 0 in effects:
        base = effects[0]
        yield _Fit(base, effects[1] - base, effects[256] - base, 0, 0)
        bits = [bit for bit in (1, 2, 4, 8, 16) if effects[bit] != base]
        if bits:
            yield _Fit(base, 0, 0, sum(bits), effects[bits[0]] - base)
    else:
        yield _Fit(effects[2], 0, 0, 1, effects[3] - effects[2])


def _fit(name: str, number: int, jump: bool) -> _Fit:
    if not _takes_argument(number):
        return _Fit(_effect(number, None, jump), 0, 0, 0, 0)
    arguments = _SLICE_ARGUMENTS if name == "BUILD_SLICE" else _ARGUMENTS
    effects = {argument: _effect(number, argument, jump) for argument in arguments}
    for fit in _candidates(effects):
        if all(fit.effect(argument) == effect for argument, effect in effects.items()):
            return fit
    raise SystemExit(f"gen_stack_effects: {name} is of no known form: {effects}")


def _is_jump(name: str, number: int) -> bool:
    # From 3.14 on END_ASYNC_FOR names the SEND that it belongs to as jumps name their target.
    return (number in dis.hasjrel or number in dis.hasjabs) and name != "END_ASYNC_FOR"


def _flow(name: str, number: int) -> str:
    if name in _ENDS:
        return "kEnds"
    if not _is_jump(name, number):
        return "kNext"
    return "kJumps" if name in _ALWAYS else "kMayJump"


def _target(name: str, number: int) -> str:
    if not _is_jump(name, number):
        return "kNone"
    if number in dis.hasjabs:
        return "kAbsolute"
    return "kBackward" if "BACKWARD" in name else "kForward"


def _result(name: str, fit: _Fit) -> str:
    if name in _CALLS:
        return "kOfCall"
    # With a second result it is not known how to go on.
    if name == "GET_ITER" and fit.base != 0:
        return "kNone"
    if name in _GIVES_RESULT or name.startswith(("BINARY_", "INPLACE_", "UNARY_")):
        return "kOfOperands"
    return "kNone"


def _corrected(name: str, fit: _Fit) -> _Fit:
    # It leaves the generator's first sent value on the stack, which is counted from 3.13 on.
    if name == "RETURN_GENERATOR" and sys.version_info < (3, 13):
        return fit._replace(base=1)
    return fit


def _rows() -> List[str]:
    rows = []
    for name, number in sorted(opcode.opmap.items(), key=lambda item: item[1]):
        skipped = name.startswith("INSTRUMENTED_") or name in (
            "CACHE",
            "EXTENDED_ARG",
            "ENTER_EXECUTOR",
            "TRACE_RECORD",
        )
        if number > 255 or skipped:
            continue
        fit = _corrected(name, _fit(name, number, False))
        jumps = _is_jump(name, number)
        extra = _fit(name, number, True).base - _fit(name, number, False).base if jumps else 0
        rows.append(
            f"    {{{number}, OpcodeFlow::{_flow(name, number)}, JumpTarget::{_target(name, number)}, "
            f"OpcodeResult::{_result(name, fit)}, {', '.join(map(str, fit))}, {extra}}},  // {name}"
        )
    return rows


def main() -> None:
    print("// Generated by scripts/gen_stack_effects.py; do not edit.")
    print("\n".join(_rows()))


if __name__ == "__main__":
    main()
