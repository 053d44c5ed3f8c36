"""The command `pysnap replay`, in the interpreter that it chose."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional

from . import _plugins
from ._exit_codes import ERROR, USAGE, Failure, fail
from ._load import load, load_for_command
from ._pdb import SnapshotCommands, SnapshotPdb, debug, ipython_class
from ._snapshot import Snapshot

_RUNS = "pysnap: --run-code: what is called here runs code of the snapshot, in this process and with your rights"


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
    except Failure as failure:
        return fail(options.file, failure)
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _run(options: Any) -> None:
    make = _user_interface(options.ui)
    for folder in options.plugins:
        _run_plugin(folder)
    snapshot = load_for_command(options.file, options.run_code, options.import_libraries)
    thread = None
    if options.thread is not None:
        try:
            thread = snapshot.find_thread(options.thread)
        except LookupError as error:
            raise Failure(USAGE, str(error.args[0])) from None
    if options.run_code:
        print(_RUNS, file=sys.stderr)
    if options.commands is None and sys.stdin.isatty():
        _greet(snapshot)
    try:
        debug(snapshot, make, thread, options.commands)
    except LookupError as error:
        raise Failure(ERROR, str(error.args[0])) from None


def _user_interface(name: str) -> Callable[[Snapshot], SnapshotCommands]:
    if name == "pdb":
        return SnapshotPdb
    try:
        return ipython_class()
    except ImportError:
        raise Failure(ERROR, f"--ui ipython: {sys.executable} has no IPython") from None


def _run_plugin(folder: str) -> None:
    try:
        _plugins.run(Path(folder))
    except Exception as error:  # the plugin's own too
        raise Failure(ERROR, f"--plugin {folder}: {type(error).__name__}: {error}") from None


def _greet(snapshot: Snapshot) -> None:
    process = snapshot.process
    lines: List[Optional[str]] = [
        f"Snapshot of process {process.pid} ({' '.join(process.argv)}), Python {process.python}",
        None if snapshot.capture.complete else "It is incomplete; what is missing says why.",
        "Type threads, thread NAME, tasks, task NAME, where, up, down, ll, p EXPR, interact, help, quit.",
        "rerun calls the function of the frame again." if snapshot.run_code else None,
    ]
    print("\n".join(line for line in lines if line), file=sys.stderr)
