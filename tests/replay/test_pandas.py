"""Frames, series and indexes of pandas are replayed with their contents."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support_py.interpreters import Interpreter
from support_py.packages import packages
from support_py.rebuild import REPLAY, python_environment
from support_py.target import PROGRAMS, capture


@pytest.fixture
def pandas(python: Interpreter) -> Path:
    return packages(python, "pandas", "pandas")


def test_described(
    python: Interpreter, pysnap_binary: Path, python_package: Path, pandas: Path, tmp_path: Path
) -> None:
    captured = capture(pysnap_binary, python, "pandas_values.py", tmp_path, python_path=pandas)
    result = subprocess.run(
        [python.path, str(REPLAY / "pandas_check.py"), str(captured.path)],
        env=python_environment(python_package, PROGRAMS, pandas),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-4000:]
    found = json.loads(result.stdout)
    assert found["different"] == {} and found["count"] >= 14
    assert found["texts"]["part"].splitlines() == [
        "<DataFrame of 2 rows and 2 columns>",
        "   number  real",
        "1       2   2.5",
        "2       3   nan",
    ]
    assert found["texts"]["index"] == "<Index [3, 1, 2]>"
    assert all("Absent" not in text and "no array" not in text for text in found["texts"].values())
