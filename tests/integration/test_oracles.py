"""Every shape of frame and every kind of value, on every interpreter: what pysnap says is what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_py.compare import compare
from support_py.interpreters import Interpreter
from support_py.target import capture, report

PROGRAMS = [
    ("frames.py", 8),
    ("frames_3_10.py", 10),
    ("frames_3_11.py", 11),
    ("frames_3_12.py", 12),
    ("values.py", 8),
    ("threads.py", 8),
    ("tracing.py", 8),
    ("asyncio_program.py", 8),
    ("deep.py", 8),
]


@pytest.mark.parametrize("program, minor", PROGRAMS, ids=[name[:-3] for name, _ in PROGRAMS])
def test_snapshot_is_what_the_program_says(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, program: str, minor: int
) -> None:
    if python.minor < minor:
        pytest.skip(f"syntax of 3.{minor}")
    captured = capture(pysnap_binary, python, program, tmp_path)
    differences = compare(captured.view, captured.oracle, python)
    assert not differences, report(differences)
    if "hostile" in captured.oracle["after"]:
        assert captured.oracle["after"]["hostile"] == [], "the capture ran code of the target"


@pytest.mark.parametrize("program", ["frames.py", "values.py"])
def test_frame_objects_and_dicts_exist_already(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path, program: str
) -> None:
    """The same when frame objects, f_locals and instances' __dict__s were asked for before."""
    captured = capture(pysnap_binary, python, program, tmp_path, arguments=["--oracle-first"])
    differences = compare(captured.view, captured.oracle, python)
    assert not differences, report(differences)
