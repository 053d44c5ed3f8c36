"""The debugger's command `interact`: a shell in a frame, whose names are written back."""

from __future__ import annotations

import builtins
import code
import contextlib
import pdb
import re
import reprlib
import sys
import types
from types import FrameType
from typing import Any, Dict, Iterator, List, Tuple

from . import _core

_MISSING = object()
_BANNER = "*interactive*: what is assigned is written back to the frame at the end (^D)"


class InteractCommands(pdb.Pdb):
    def do_interact(self, arg: str) -> None:
        """interact

        Start a Python shell that sees the variables of this frame over its globals. What is changed, added or deleted
        there is written back to the frame when it ends (^D), and told.
        """
        frame = self.curframe
        if frame is None:
            self.error("there is no frame")
            return
        names = {**frame.f_globals, **frame.f_locals}
        before = dict(names)
        self._shell(names)
        for line in write_back(frame, before, names):
            self.message(line)
        # Up to Python 3.12 pdb looks at the copy that it has taken.
        if hasattr(self, "curframe_locals"):
            self.curframe_locals = frame.f_locals

    def _shell(self, names: Dict[str, Any]) -> None:
        # exit() ends the shell, not the debugger.
        with _completion(names), _plain_exit(), contextlib.suppress(SystemExit):
            code.interact(_BANNER, local=names, exitmsg="")


@contextlib.contextmanager
def _plain_exit() -> Iterator[None]:
    """Those of the site module close stdin, which the debugger reads as well."""
    site: Any = builtins
    former = {name: getattr(site, name, None) for name in ("exit", "quit")}
    for name in former:
        setattr(site, name, sys.exit)
    try:
        yield
    finally:
        for name, function in former.items():
            setattr(site, name, function)


class _completion:
    """Completes names of the shell while it runs; its history is that of the debugger."""

    def __init__(self, names: Dict[str, Any]) -> None:
        self._names = names

    def __enter__(self) -> None:
        try:
            import readline
            import rlcompleter
        except ImportError:
            return
        self._former = readline.get_completer()
        readline.set_completer(rlcompleter.Completer(self._names).complete)
        readline.parse_and_bind("tab: complete")

    def __exit__(self, *unused: object) -> None:
        if hasattr(self, "_former"):
            import readline

            readline.set_completer(self._former)


def ipython_shell(debugger: Any, names: Dict[str, Any]) -> None:
    """The same with IPython's shell, which has a completion and a history of its own."""
    from IPython.terminal.embed import InteractiveShellEmbed  # type: ignore[import-not-found,unused-ignore]

    before = set(names)
    shell = InteractiveShellEmbed(banner1=f"{_BANNER}\n", exit_msg="")
    shell(local_ns=names, module=types.ModuleType("frame"))
    for name in set(names) - before:
        # What it keeps there for itself.
        if name in shell.user_ns_hidden or re.fullmatch(r"_i*\d*|_oh|_dh|_ih|In|Out|exit|quit|get_ipython", name):
            del names[name]


def write_back(frame: FrameType, before: Dict[str, Any], after: Dict[str, Any]) -> Iterator[str]:
    """Bring what has become of the names into the frame, and say so. Functions that share its cells see it."""
    for name, old, new in _changes(before, after):
        is_variable = name in frame.f_code.co_varnames + frame.f_code.co_cellvars + frame.f_code.co_freevars
        if not frame.f_code.co_flags & 0x1 and not is_variable:  # a module's or a class's namespace
            where = frame.f_locals
        elif name in frame.f_globals and not is_variable and name not in frame.f_locals:
            where = frame.f_globals
        else:
            where = None
        kind = "global " if where is frame.f_globals and where is not frame.f_locals else ""
        if where is None and new is not _MISSING:
            _assign(frame, name, new)
        elif where is None:
            _delete(frame, name)
        elif new is _MISSING:
            where.pop(name, None)
        else:
            where[name] = new
        if new is _MISSING:
            yield f"deleted {kind}{name}"
        elif old is _MISSING:
            yield f"added {kind}{name} = {reprlib.repr(new)}"
        else:
            yield f"changed {kind}{name}: {reprlib.repr(old)} -> {reprlib.repr(new)}"


def _changes(before: Dict[str, Any], after: Dict[str, Any]) -> List[Tuple[str, Any, Any]]:
    changes = []
    for name in {**before, **after}:
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        # The shell adds it.
        if old is not new and name != "__builtins__":
            changes.append((name, old, new))
    return changes


def _assign(frame: FrameType, name: str, value: Any) -> None:
    try:
        _core.set_variable(frame, name, value)
    except KeyError:
        # No variable of the code: a name that only the debugger sees.
        frame.f_locals[name] = value
    else:
        _refresh(frame)


def _delete(frame: FrameType, name: str) -> None:
    try:
        _core.unset_variable(frame, name)
    except KeyError:
        frame.f_locals.pop(name, None)
    else:
        _refresh(frame)


def _refresh(frame: FrameType) -> None:
    """Up to Python 3.12 f_locals is a copy, brought up to date when it is asked for."""
    _ = frame.f_locals
