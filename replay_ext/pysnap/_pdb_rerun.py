"""The debugger's command `rerun`."""

from __future__ import annotations

import argparse
import os
import pdb
import shlex
import subprocess
import tempfile
from pathlib import Path
from types import FrameType
from typing import Dict, NoReturn

from ._absent import CodeNotRun
from ._pdb_exceptions import chain
from ._rerun import Call
from ._snapshot import Snapshot
from ._sources import text_of
from ._stack import of_traceback

#: Where a debugger does not stop: between it and what it runs.
_SKIPPED = ["pysnap.*", "asyncio", "asyncio.*"]


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> _Arguments:
    parser = _Arguments(prog="rerun", add_help=False)
    parser.add_argument("--from", dest="source", metavar="FILE")
    parser.add_argument("--edited", action="store_true")
    return parser


class _Debugger(pdb.Pdb):
    """What runs in it may be left."""

    was_left = False

    def set_quit(self) -> None:
        self.was_left = True
        super().set_quit()


class RerunCommands(pdb.Pdb):
    snapshot: Snapshot
    # Which file stands for the source of a captured one, once it has been edited.
    _edited: Dict[str, str]

    def do_rerun(self, arg: str) -> None:
        """rerun [--from FILE | --edited]

        Call the function of this frame again, with its arguments as they are now, under the debugger: it stops at the
        first line. With --from the body of the function is taken from FILE, with --edited from a copy of its captured
        source that $VISUAL or $EDITOR opens; the copy keeps what was changed until the debugger ends. The bodies of
        other functions of its file that it calls are taken from there, too.
        """
        frame = self.curframe
        if frame is None:
            self.error("there is no frame")
            return
        try:
            options = _parser().parse_args(shlex.split(arg))
            source = self._edit(frame) if options.edited else options.source
            call = Call(frame, source)
        except (CodeNotRun, LookupError, OSError, SyntaxError, ValueError) as error:
            self.error(str(error.args[0]) if isinstance(error, LookupError) else str(error))
            return
        debugger = self._nested_debugger()
        outcome = call.run(debugger.runcall)
        if debugger.was_left:
            self.message(f"{outcome.name} was left before its end")
            return
        self.message(outcome.format())
        self.message(f"captured: {_captured(self.snapshot, frame)}")

    def _nested_debugger(self) -> _Debugger:
        debugger = _Debugger(self.completekey, self.stdin, self.stdout, skip=_SKIPPED, nosigint=True, readrc=False)
        debugger.prompt = f"({self.prompt.strip()}) "
        debugger.use_rawinput = self.use_rawinput
        # What is left of the commands that were given beforehand is for whichever debugger asks next.
        debugger.cmdqueue = self.cmdqueue
        return debugger

    def _edit(self, frame: FrameType) -> str:
        """The path of an edited copy of the file that the frame's code is from. ValueError when there is none."""
        code = frame.f_code
        edited = self.__dict__.setdefault("_edited", {})
        path = edited.get(code.co_filename)
        if path is None:
            text = text_of(code.co_filename, frame.f_globals)
            if text is None:
                raise ValueError(f"the source of {code.co_filename} is not in the snapshot: use --from FILE")
            # It goes with the process.
            folder = tempfile.TemporaryDirectory(prefix="pysnap-edited-")
            self.__dict__.setdefault("_folders", []).append(folder)
            name = os.path.basename(code.co_filename) or "edited.py"
            path = edited[code.co_filename] = os.path.join(folder.name, name)
            Path(path).write_text(text, encoding="utf-8", errors="surrogateescape")
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not editor:
            raise ValueError(f"set EDITOR, or change {path} and use --from {path}")
        self.stdout.flush()
        status = subprocess.call([*shlex.split(editor), path])
        if status != 0:
            raise ValueError(f"{editor} ended with {status}; nothing was run")
        self.message(f"edited: {path}")
        return str(path)


def _captured(snapshot: Snapshot, frame: FrameType) -> str:
    """How it went with the frame in the program."""
    for error in reversed(chain(snapshot.exception)):
        for raised_in, line in of_traceback(error.__traceback__):
            if raised_in is frame:
                text = str(error)
                return f"it raised {type(error).__name__}{': ' if text else ''}{text} at line {line}"
    return f"it was at line {frame.f_lineno}"
