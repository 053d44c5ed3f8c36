"""The reprs of `show --json` are those of the interpreter itself, value by value, whatever the version."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"


def show(pysnap_binary: Path, snapshot: Path, *options: str) -> dict[str, Any]:
    """The locals of the innermost frame of the first thread."""
    command = [pysnap_binary, "show", "--json", *options, snapshot]
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    locals_: dict[str, Any] = document["threads"][0]["frames"][-1]["locals"]
    return locals_


@pytest.fixture(scope="module")
def values(python: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("values")
    snapshot, expected = folder / "values.pb", folder / "expected.json"
    subprocess.run([python.path, PROGRAMS / "repr_values.py", snapshot, expected], check=True)
    return snapshot, json.loads(expected.read_text())


def test_reprs(pysnap_binary: Path, values: tuple[Path, dict[str, str]]) -> None:
    snapshot, expected = values
    shown = show(pysnap_binary, snapshot, "--max-repr", "0")
    assert list(shown) == list(expected)
    different = {name: (shown[name]["repr"], text) for name, text in expected.items() if shown[name]["repr"] != text}
    assert different == {}


def test_subclasses_show_their_contents(pysnap_binary: Path, values: tuple[Path, dict[str, str]]) -> None:
    shown = show(pysnap_binary, values[0])
    assert shown["my_list"]["contents"] == "[1, 2]"
    assert shown["my_list"]["length"] == 2
    assert shown["my_str"]["contents"] == "'x'"
    assert shown["own"]["type"] == "__main__.OwnRepr"


def test_limit(pysnap_binary: Path, values: tuple[Path, dict[str, str]]) -> None:
    snapshot, expected = values
    for name, value in show(pysnap_binary, snapshot, "--max-repr", "10").items():
        assert value["repr"] == expected[name][:10]
        assert value["truncated"] == (len(expected[name]) > 10)
