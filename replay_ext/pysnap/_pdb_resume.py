"""The debugger's command `resume`."""

from __future__ import annotations

import pdb
from typing import Any, NamedTuple, Optional

from ._absent import CodeNotRun
from ._resume import resume

_USAGE = "resume [--chain] [LINE | --return EXPRESSION | --raise EXPRESSION]"


class _Command(NamedTuple):
    whole_chain: bool = False
    line: Optional[int] = None
    #: --return, --raise or nothing, and its expression.
    option: Optional[str] = None
    expression: str = ""


def _parse(arg: str) -> _Command:
    """ValueError when it is wrong."""
    rest = arg.strip()
    whole_chain = rest.split(None, 1)[:1] == ["--chain"]
    if whole_chain:
        rest = rest[len("--chain") :].strip()
    if not rest:
        return _Command(whole_chain)
    if rest.isascii() and rest.isdigit() and len(rest) < 10:
        return _Command(whole_chain, int(rest))
    option, _, expression = rest.partition(" ")
    if option not in ("--return", "--raise") or not expression.strip():
        raise ValueError(f"usage: {_USAGE}")
    return _Command(whole_chain, None, option, expression.strip())


class ResumeCommand(pdb.Pdb):
    def do_resume(self, arg: str) -> None:
        """resume [--chain] [LINE | --return EXPRESSION | --raise EXPRESSION]

        Let this frame go on from where it stands, with its variables as they are now: as if the call that it is within
        had returned None, the value of EXPRESSION, or had raised it; or from the beginning of one of its lines, which a
        frame that an exception has left can do, too. With --chain its callers go on after it, each with what the one
        within it has returned, raised or yielded. It runs in a process of its own; what it prints and how it ends is
        shown here, and nothing of the snapshot changes.
        """
        frame = self.curframe
        if frame is None:
            self.error("there is no frame")
            return
        try:
            command = _parse(arg)
            option = command.option
            value: Any = None
            if option is not None:
                # As pdb itself evaluates what is typed.
                value = eval(command.expression, frame.f_globals, frame.f_locals)
            exception: Any = value if option == "--raise" else None
            if isinstance(exception, type) and issubclass(exception, BaseException):
                exception = exception()
            if option == "--raise" and not isinstance(exception, BaseException):
                raise ValueError(f"not an exception: {value!r}")
            result = None if option == "--raise" else value
            resumed = resume(frame, result, exception, command.whole_chain, command.line)
        except CodeNotRun as error:
            self.error(str(error))
            return
        except Exception as error:
            self.error(f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error))
            return
        if resumed.output:
            self.message(resumed.output.rstrip("\n"))
        self.message(resumed.format())
