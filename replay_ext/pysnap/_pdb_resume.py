"""The debugger's command `resume`."""

from __future__ import annotations

import pdb
from typing import Any, Optional, Tuple

from ._absent import CodeNotRun
from ._resume import resume

_USAGE = "resume [--chain] [--return EXPRESSION | --raise EXPRESSION]"


def _parse(arg: str) -> Tuple[bool, Optional[str], str]:
    """Whether the whole chain goes on; --return, --raise or nothing; the expression. ValueError when it is wrong."""
    rest = arg.strip()
    whole_chain = rest.split(None, 1)[:1] == ["--chain"]
    if whole_chain:
        rest = rest[len("--chain") :].strip()
    if not rest:
        return whole_chain, None, ""
    option, _, expression = rest.partition(" ")
    if option not in ("--return", "--raise") or not expression.strip():
        raise ValueError(f"usage: {_USAGE}")
    return whole_chain, option, expression.strip()


class ResumeCommand(pdb.Pdb):
    def do_resume(self, arg: str) -> None:
        """resume [--chain] [--return EXPRESSION | --raise EXPRESSION]

        Let this frame go on from where it stands, with its variables as they are now: as if the call that it is within
        had returned None, the value of EXPRESSION, or had raised it. With --chain its callers go on after it, each with
        what the one within it has returned or raised. It runs in a process of its own; what it prints and how it ends
        is shown here, and nothing of the snapshot changes.
        """
        frame = self.curframe
        if frame is None:
            self.error("there is no frame")
            return
        try:
            whole_chain, option, expression = _parse(arg)
            value: Any = None
            if option is not None:
                # As pdb itself evaluates what is typed.
                value = eval(expression, frame.f_globals, frame.f_locals)
            exception: Any = value if option == "--raise" else None
            if isinstance(exception, type) and issubclass(exception, BaseException):
                exception = exception()
            if option == "--raise" and not isinstance(exception, BaseException):
                raise ValueError(f"not an exception: {value!r}")
            resumed = resume(frame, None if option == "--raise" else value, exception, whole_chain)
        except CodeNotRun as error:
            self.error(str(error))
            return
        except Exception as error:
            self.error(f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error))
            return
        if resumed.output:
            self.message(resumed.output.rstrip("\n"))
        self.message(resumed.format())
