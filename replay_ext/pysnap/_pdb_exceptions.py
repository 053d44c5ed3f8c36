"""The debugger's command `exceptions`, which pdb itself has from Python 3.13 on."""

from __future__ import annotations

import pdb
import sys
from typing import List, Optional

from ._snapshot import Snapshot


def chain(error: Optional[BaseException]) -> List[BaseException]:
    """An exception after those that Python prints before it."""
    found: List[BaseException] = []
    while error is not None and not any(error is one for one in found):
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found[::-1]


class ExceptionsCommand(pdb.Pdb):
    snapshot: Snapshot
    _exception_number: Optional[int] = None

    if sys.version_info < (3, 13):

        def do_exceptions(self, arg: str) -> None:
            """exceptions [NUMBER]

            List the chain of exceptions, the one that was reported last. With a number, go to where that one was
            raised.
            """
            errors = chain(self.snapshot.exception)
            if not errors:
                self.error("there is no exception")
                return
            if not arg.strip():
                current = len(errors) - 1 if self._exception_number is None else self._exception_number
                for number, error in enumerate(errors):
                    self.message(f"{'>' if number == current else ' '} {number:>3} {error!r}")
                return
            try:
                number = int(arg)
            except ValueError:
                self.error(f"not a number: {arg.strip()}")
                return
            if not 0 <= number < len(errors):
                self.error(f"there is no exception with number {number}")
                return
            trace = errors[number].__traceback__
            if trace is None:
                self.error("this exception has no traceback")
                return
            self._exception_number = number
            self.forget()
            self.setup(None, trace)
            self.print_stack_entry(self.stack[self.curindex])
