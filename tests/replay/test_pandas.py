"""Frames, series and indexes of pandas are replayed with their contents."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter
from support_py.packages import packages
from support_py.rebuild import REPLAY, python_environment
from support_py.target import PROGRAMS, Captured, capture


@pytest.fixture
def pandas(python: Interpreter) -> Path:
    if python.debug:
        pytest.skip("of pandas nothing depends on the build but the arrays, and those of numpy are tested on it")
    return packages(python, "pandas", "pandas")


@pytest.fixture
def captured(python: Interpreter, pysnap_binary: Path, pandas: Path, tmp_path: Path) -> Captured:
    return capture(pysnap_binary, python, "pandas_values.py", tmp_path, python_path=pandas)


def check(python: Interpreter, python_package: Path, pandas: Path, captured: Captured, *how: str) -> Any:
    result = subprocess.run(
        [python.path, str(REPLAY / "pandas_check.py"), str(captured.path), *how],
        env=python_environment(python_package, PROGRAMS, pandas),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-4000:]
    assert result.stderr == b""
    return json.loads(result.stdout)


def test_described(python: Interpreter, python_package: Path, pandas: Path, captured: Captured) -> None:
    found = check(python, python_package, pandas, captured)
    assert found["different"] == {} and found["count"] >= 20
    assert found["texts"]["part"].splitlines() == [
        "<DataFrame of 2 rows and 2 columns>",
        "   number  real",
        "1       2   2.5",
        "2       3   nan",
    ]
    assert found["texts"]["index"] == "<Index [3, 1, 2]>"
    assert all("Absent" not in text and "no array" not in text for text in found["texts"].values())


def test_real(python: Interpreter, python_package: Path, pandas: Path, captured: Captured) -> None:
    found = check(python, python_package, pandas, captured, "import")
    assert found["different"] == {} and found["count"] >= 20
