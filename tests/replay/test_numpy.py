"""Arrays, dtypes and scalars of numpy are replayed as what they were: described, or as real ones."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter
from support_py.packages import packages
from support_py.rebuild import REPLAY, python_environment
from support_py.target import PROGRAMS, Captured, capture


@pytest.fixture
def numpy(python: Interpreter) -> Path:
    return packages(python, "numpy", "numpy")


@pytest.fixture
def captured(python: Interpreter, pysnap_binary: Path, numpy: Path, tmp_path: Path) -> Captured:
    return capture(pysnap_binary, python, "numpy_values.py", tmp_path, python_path=numpy)


def check(python: Interpreter, python_package: Path, numpy: Path, captured: Captured, *how: str) -> Any:
    result = subprocess.run(
        [python.path, str(REPLAY / "numpy_check.py"), str(captured.path), *how],
        env=python_environment(python_package, PROGRAMS, numpy),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-4000:]
    return json.loads(result.stdout)


def test_described(python: Interpreter, python_package: Path, numpy: Path, captured: Captured) -> None:
    assert captured.view["capture"]["complete"] and captured.view["capture"]["problems"] == []
    found = check(python, python_package, numpy, captured)
    assert found["different"] == {} and found["count"] >= 70
    # What is shown of them is Python's text of each item.
    (values,) = [
        frame["locals"]["values"]
        for thread in captured.view["threads"]
        for frame in thread["frames"]
        if frame["function"] == "held"
    ]
    texts = {name: text for name, text in found["shown"].items() if text is not None}
    missing = {name: text for name, text in texts.items() if f"{name!r}: {text}" not in values["repr"]}
    assert len(texts) > 30 and not missing, f"{missing}\n{values['repr']}"
    for part in "[2020-02-29, NaT, 0001-01-01, 1969-12-31]", "2020-01-02T03:04:05.123456789", "<numpy.float64 2.5>":
        assert part in values["repr"]


def test_real(python: Interpreter, python_package: Path, numpy: Path, captured: Captured) -> None:
    found = check(python, python_package, numpy, captured, "import")
    assert found["different"] == {} and found["count"] >= 70


def test_command(python: Interpreter, pysnap_binary: Path, numpy: Path, captured: Captured) -> None:
    """Nothing is imported unless it is asked for."""
    for options, kind in ((), "pysnap._numpy.Array"), (("--import",), "numpy.ndarray"):
        ask = "print(type(values['matrix']), values['matrix'][2, 2])"
        result = subprocess.run(
            [str(pysnap_binary), "replay", "--python", python.path, *options, "-c", "up", "-c", ask]
            + ["--thread", "held", str(captured.path)],
            env={**os.environ, "PYTHONPATH": str(numpy)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert result.returncode == 0 and f"<class '{kind}'> 10.0" in result.stdout, result.stdout + result.stderr
