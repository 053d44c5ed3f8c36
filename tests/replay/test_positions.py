"""Iterators go on where the captured ones stood, and views show what they showed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from support_py.interpreters import Interpreter, find_interpreters
from support_py.rebuild import rebuild
from support_py.target import capture

# Kinds that one version has under a name of its own.
RENAMED = {"str_ascii_iterator": "str_iterator", "longrange_iterator": "range_iterator"}
# What 3.14 and later cannot make.
BEGUN = ("shared.at_group", "shared.at_groups")


def check(found: Dict[str, Any], least: int) -> None:
    wrong = {
        name: told
        for name, told in found.items()
        if told["left"] != told["expected"]
        or RENAMED.get(told["type"], told["type"]) != RENAMED.get(told["captured"], told["captured"])
    }
    assert not wrong and len(found) >= least


def positions(python: Interpreter, python_package: Path, captured: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = rebuild(python, python_package, "positions", captured.path)["result"]
    truth = {
        f"{frame['function']}.{name}": value["type"]
        for thread in captured.oracle["threads"]
        for frame in thread["frames"]
        for name, value in frame.get("locals", [])
    }
    for name, told in found.items():
        told["captured"] = truth[name]
    return found


def test_same_version(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "positions.py", tmp_path)
    check(positions(python, python_package, captured), 54)


def test_other_versions(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """Captured by the oldest and by the newest, replayed on each."""
    for other in (find_interpreters()[0], find_interpreters()[-1]):
        folder = tmp_path / other.tag
        folder.mkdir()
        captured = capture(pysnap_binary, other, "positions.py", folder)
        found = positions(python, python_package, captured)
        if python.minor >= 14:
            for name in BEGUN:
                found.pop(name, None)
        if python.minor < 10:
            found.pop("combined.at_strict", None)
        check(found, 40)
