"""Replayed frames are the live ones: on the same version to the byte, on every other one in names, lines and locals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from support_py.interpreters import Interpreter, one_of_each_minor
from support_py.rebuild import Rebuilt, rebuild
from support_py.target import capture, report

PROGRAMS = [
    ("frames.py", 8),
    ("frames_3_10.py", 10),
    ("frames_3_11.py", 11),
    ("frames_3_12.py", 12),
    ("values.py", 8),
    ("tracing.py", 8),
    ("threads.py", 8),
]


@pytest.mark.parametrize("program, minor", PROGRAMS, ids=[name[:-3] for name, _ in PROGRAMS])
def test_same_version(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, program: str, minor: int
) -> None:
    if python.minor < minor:
        pytest.skip(f"syntax of 3.{minor}")
    captured = capture(pysnap_binary, python, program, tmp_path)
    rebuilt = rebuild(python, python_package, "frames", captured.path)
    differences = Rebuilt(same_version=True, positions=python.minor >= 11).threads(rebuilt["result"], captured.oracle)
    assert not differences, report(differences)
    assert not {"frames", "values", "module_shape", "colorsys"} & set(rebuilt["modules"]), "the snapshot was imported"


@pytest.mark.parametrize("program", ["frames.py", "values.py"])
def test_every_other_version(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, program: str
) -> None:
    """What one version captured, replayed on all others."""
    if python.debug:
        pytest.skip("release builds capture for the cross-version matrix")
    captured = capture(pysnap_binary, python, program, tmp_path)
    differences: List[str] = []
    for other in one_of_each_minor():
        if other.minor == python.minor:
            continue
        rebuilt = rebuild(other, python_package, "frames", captured.path)
        checker = Rebuilt(same_version=False, positions=python.minor >= 11 and other.minor >= 11)
        found = checker.threads(rebuilt["result"], captured.oracle)
        differences += [f"on {other.tag}: {difference}" for difference in found]
    assert not differences, report(differences)


def test_debugging_sessions(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """traceback, inspect and pdb print of the replay what they print of the live program."""
    captured = capture(pysnap_binary, python, "debugged.py", tmp_path)
    live: Any = captured.oracle["after"]["sessions"]
    replayed = rebuild(python, python_package, "sessions", captured.path)["result"]
    differences = []
    for name, facts in live.items():
        for what, truth in facts.items():
            have = replayed.get(name, {}).get(what)
            if have != truth:
                differences.append(f"{name}, {what}:\n--- live\n{text_of(truth)}\n--- replayed\n{text_of(have)}")
    assert not differences, report(differences, 3)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)[:6000]
