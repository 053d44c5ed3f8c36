"""Tensors of torch are replayed as what they were: described, or as real ones.

torch is some gigabytes: these run in the full run only, or with PYSNAP_FULL_RUN=1.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support_py.interpreters import FULL_RUN, Interpreter
from support_py.packages import packages
from support_py.rebuild import REPLAY, python_environment
from support_py.target import PROGRAMS, Captured, capture

# One release of each layout that there are wheels of. Those of older ones bring all that they link to.
RELEASES: Dict[int, Tuple[str, ...]] = {8: ("torch==1.12.1",), 9: ("torch==2.2.2", "numpy<2"), 12: ("torch==2.15.0",)}


@pytest.fixture
def torch(python: Interpreter) -> Path:
    if not FULL_RUN:
        pytest.skip("torch is tested in the full run only (scripts/test.sh --full)")
    if python.minor not in RELEASES or python.debug:
        pytest.skip("torch is not tested on this build")
    return packages(python, "torch", *RELEASES[python.minor])


@pytest.fixture
def captured(python: Interpreter, pysnap_binary: Path, torch: Path, tmp_path: Path) -> Captured:
    return capture(pysnap_binary, python, "torch_values.py", tmp_path, python_path=torch)


@pytest.mark.parametrize("how", ["described", "import"])
def test_values(python: Interpreter, python_package: Path, torch: Path, captured: Captured, how: str) -> None:
    assert captured.view["capture"]["complete"] and captured.view["capture"]["problems"] == []
    result = subprocess.run(
        [python.path, str(REPLAY / "torch_check.py"), str(captured.path), how],
        env=python_environment(python_package, PROGRAMS, torch),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-4000:]
    found: Any = json.loads(result.stdout)
    assert found["different"] == {} and found["count"] >= 35
    (values,) = [
        frame["locals"]["values"]
        for thread in captured.view["threads"]
        for frame in thread["frames"]
        if frame["function"] == "held"
    ]
    texts = {name: text for name, text in found["shown"].items() if text is not None}
    missing = {name: text for name, text in texts.items() if f"{name!r}: {text}" not in values["repr"]}
    assert len(texts) > 30 and not missing, f"{missing}\n{values['repr']}"
