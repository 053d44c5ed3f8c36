"""The command `pysnap to-test`: a crash as a test that fails until it is mended."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from types import FrameType
from typing import List, Optional, Tuple

from ._codes import qualified_name
from ._exit_codes import ERROR, Failure, fail
from ._load import load_for_command
from ._snapshot import Snapshot

# Where code lies that is not the program's own.
_LIBRARIES = re.compile(r"[/\\](site-packages|dist-packages)[/\\]|[/\\]lib(64)?[/\\]python3\.\d+[/\\]|^<")

_TEST = '''\
"""The crash in {snapshot_name} as a test: it fails as the program failed until {function} is mended.

Written by `pysnap to-test`. It wants Python {python}, for whose bytecode the snapshot is, and pysnap.
"""

from pathlib import Path

import pysnap

HERE = Path(__file__).parent
SNAPSHOT = HERE / {snapshot!r}
# Where {function} is taken from.
SOURCE = HERE / {source!r}


def test_{name}() -> None:
    # {error}
    snapshot = pysnap.load(SNAPSHOT, run_code=True)
    frame = snapshot.raising_frames[{index}]
    assert frame.f_code.co_name == {code_name!r}
    outcome = pysnap.rerun(frame, str(SOURCE))
    if outcome.exception is not None:
        raise outcome.exception
'''


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="pysnap to-test")
    parser.add_argument("--function", metavar="NAME")
    parser.add_argument("--source", metavar="FILE")
    parser.add_argument("--output", metavar="PATH")
    parser.add_argument("file")
    options = parser.parse_args(arguments)
    try:
        path = write_test(options.file, options.function, options.source, options.output)
    except Failure as failure:
        return fail(options.file, failure)
    print(path)
    return 0


def write_test(file: str, function: Optional[str], source: Optional[str], output: Optional[str]) -> Path:
    """Write the test and return where it is. Failure says why there is none."""
    snapshot = load_for_command(file)
    index, frame, name = _choose(snapshot, function)
    source_path = Path(source or frame.f_code.co_filename)
    if not source_path.is_file():
        raise Failure(ERROR, f"{source_path}, which has {name}, is not on this machine: say where it is with --source")
    path = Path(output or f"test_{_identifier(name)}.py")
    if path.is_dir():
        path = path / f"test_{_identifier(name)}.py"
    error = snapshot.exception
    text = " ".join(str(error).split())
    content = _TEST.format(
        snapshot_name=os.path.basename(file),
        snapshot=_relative(file, path),
        source=_relative(str(source_path), path),
        function=name,
        python=".".join(snapshot.process.python.split(".")[:2]),
        name=_identifier(name),
        error=f"{type(error).__name__}: {text}" if text else type(error).__name__,
        index=index,
        code_name=frame.f_code.co_name,
    )
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as problem:
        raise Failure(ERROR, f"{path}: {problem.strerror}") from None
    return path


def _choose(snapshot: Snapshot, function: Optional[str]) -> Tuple[int, FrameType, str]:
    """The function that is called: of this name, or else the innermost that belongs to no library."""
    frames = snapshot.raising_frames
    if not frames:
        raise Failure(ERROR, "it holds no exception with a traceback: a test needs a crash (pysnap on-crash)")
    named = [(index, frame, qualified_name(frame.f_code, frame.f_globals)) for index, frame in enumerate(frames)]
    callable_ones = [one for one in named if one[2] != "<module>"]
    if function is not None:
        found = [one for one in named if function in (one[2], one[1].f_code.co_name)]
        if not found:
            raise Failure(ERROR, f"no function {function} is in the traceback: {', '.join(one[2] for one in named)}")
        return found[-1]
    own = [one for one in callable_ones if not _LIBRARIES.search(one[1].f_code.co_filename)]
    return (own or callable_ones or named)[-1]


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name.replace("<locals>.", "")).strip("_").lower() or "crash"


def _relative(path: str, test: Path) -> str:
    return os.path.relpath(os.path.abspath(path), os.path.abspath(test.parent))
