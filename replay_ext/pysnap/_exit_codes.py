"""How the commands that run in the replaying interpreter fail: as the contract says, with one line."""

from __future__ import annotations

import sys

ERROR, USAGE, PERMISSION, NO_FILE, DAMAGED = 1, 2, 3, 5, 7


class Failure(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def fail(file: str, failure: Failure) -> int:
    print(" ".join(f"pysnap: {file}: {failure}".split()), file=sys.stderr)
    return failure.code
