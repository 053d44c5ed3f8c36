"""The command `pysnap replay`, in the interpreter that it chose."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional

from . import _plugins
from ._load import load
from ._pdb import SnapshotCommands, SnapshotPdb, debug, ipython_class
from ._snapshot import Snapshot, SnapshotError

# The exit codes of the contract.
_ERROR, _USAGE, _PERMISSION, _NO_FILE, _DAMAGED = 1, 2, 3, 5, 7


class _Failure(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def post_mortem(path: str) -> None:
    """Debug the snapshot at `path` with pdb."""
    snapshot = load(path)
    debug(snapshot, SnapshotPdb, None)


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="pysnap replay")
    parser.add_argument("-c", "--command", dest="commands", action="append", metavar="PDBCMD")
    parser.add_argument("--thread", metavar="ID|NAME")
    parser.add_argument("--ui", choices=("pdb", "ipython"), default="pdb")
    parser.add_argument("--run-code", action="store_true")
    parser.add_argument("--import", dest="import_libraries", action="store_true")
    parser.add_argument("--plugin", dest="plugins", action="append", default=[], metavar="DIR")
    parser.add_argument("file")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except _Failure as failure:
        line = " ".join(f"pysnap: {options.file}: {failure}".split())
        print(line, file=sys.stderr)
        return failure.code
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _run(options: Any) -> None:
    make = _user_interface(options.ui)
    for folder in options.plugins:
        _run_plugin(folder)
    snapshot = _open(options.file, options.run_code, options.import_libraries)
    thread = None
    if options.thread is not None:
        try:
            thread = snapshot.find_thread(options.thread)
        except LookupError as error:
            raise _Failure(_USAGE, str(error.args[0])) from None
    if options.commands is None and sys.stdin.isatty():
        _greet(snapshot)
    try:
        debug(snapshot, make, thread, options.commands)
    except LookupError as error:
        raise _Failure(_ERROR, str(error.args[0])) from None


def _user_interface(name: str) -> Callable[[Snapshot], SnapshotCommands]:
    if name == "pdb":
        return SnapshotPdb
    try:
        return ipython_class()
    except ImportError:
        raise _Failure(_ERROR, f"--ui ipython: {sys.executable} has no IPython") from None


def _run_plugin(folder: str) -> None:
    try:
        _plugins.run(Path(folder))
    except Exception as error:  # the plugin's own too
        raise _Failure(_ERROR, f"--plugin {folder}: {type(error).__name__}: {error}") from None


def _open(path: str, run_code: bool, import_libraries: bool) -> Snapshot:
    try:
        return load(path, run_code=run_code, import_libraries=import_libraries)
    except SnapshotError as error:
        raise _Failure(_DAMAGED, str(error)) from None
    except PermissionError as error:
        raise _Failure(_PERMISSION, error.strerror or str(error)) from None
    except OSError as error:
        raise _Failure(_NO_FILE, error.strerror or str(error)) from None


def _greet(snapshot: Snapshot) -> None:
    process = snapshot.process
    lines: List[Optional[str]] = [
        f"Snapshot of process {process.pid} ({' '.join(process.argv)}), Python {process.python}",
        None if snapshot.capture.complete else "It is incomplete; what is missing says why.",
        "Type threads, thread NAME, tasks, task NAME, where, up, down, ll, p EXPR, help, quit.",
    ]
    print("\n".join(line for line in lines if line), file=sys.stderr)
