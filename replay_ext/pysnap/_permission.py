"""Which captured code may run: that of snapshots that were loaded with `run_code`."""

from __future__ import annotations

import weakref
from types import CodeType, FunctionType
from typing import Dict, Iterable, List

from ._absent import CodeNotRun

# By identity: code objects compare by value, and an equal one may be of another snapshot.
_permitted: Dict[int, weakref.ref[CodeType]] = {}


def permit(codes: Iterable[CodeType]) -> None:
    for code in codes:
        key = id(code)
        _permitted[key] = weakref.ref(code, lambda _, key=key: _permitted.pop(key, None))  # type: ignore[misc]


_functions: weakref.WeakSet[FunctionType] = weakref.WeakSet()


def permit_functions(functions: Iterable[FunctionType]) -> None:
    """They are of a snapshot whose code may run."""
    _functions.update(functions)


def functions_of(filename: str) -> List[FunctionType]:
    """Those whose code is of this source file."""
    return [function for function in _functions if function.__code__.co_filename == filename]


def require(code: CodeType) -> None:
    """Raise CodeNotRun unless this very code object may run."""
    known = _permitted.get(id(code))
    if known is None or known() is not code:
        raise CodeNotRun
