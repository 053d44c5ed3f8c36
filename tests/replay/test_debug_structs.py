"""What debug information tells of objects that say nothing of themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support_py.interpreters import Interpreter, find_interpreters
from support_py.target import PROGRAMS, Captured, capture, run_tool

THING = {
    "count": "-7",
    "port": "8080",
    "open": "True",
    "tag": repr(b"ab\x00c\x00"),
    "ratio": "2.5",
    "where.x": "1.0",
    "where.y": "-1.0",
    "first": "0",
    "color": "1",
    "large": str(0xF0000000),
    "either": repr(b"\x03\x00\x00\x00"),
}


def build(python: Interpreter, folder: Path, *options: str) -> Path:
    """The extension in the folder, as a file."""
    folder.mkdir(exist_ok=True)
    library = folder / "structs.so"
    headers = [f"-I{path}" for path in python.include]
    command = ["gcc", "-shared", "-fPIC", *options, *headers, str(PROGRAMS / "structs.c"), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


def skip_but_newest(python: Interpreter) -> None:
    if python is not find_interpreters()[-1]:
        pytest.skip("how the debug information was written is the same to every version")


def values(captured: Captured) -> Dict[str, Any]:
    found: Dict[str, Any] = captured.frame("hold")["locals"]
    return found


def fields(value: Dict[str, Any]) -> Dict[str, str]:
    return {name: field["repr"] for name, field in (value["attributes"] or {}).items()}


@pytest.mark.parametrize("options", [["-g", "-O0"], ["-g", "-O2"], ["-g", "-gdwarf-4", "-O2"]], ids=" ".join)
def test_fields(python: Interpreter, pysnap_binary: Path, tmp_path: Path, options: List[str]) -> None:
    if options != ["-g", "-O2"]:
        skip_but_newest(python)
    folder = build(python, tmp_path / "extension", *options).parent
    captured = capture(pysnap_binary, python, "structs_program.py", tmp_path, python_path=folder)
    found = values(captured)
    thing = fields(found["thing"])
    # A pointer to no object is the address that it is.
    assert int(thing.pop("unit")) > 0
    assert thing == {**THING, "label": "['label']", "pair[1]": "['label']", "api_token": "<redacted list>"}
    assert found["thing"]["absent"] == "unsupported: values of the type structs.Thing are not decoded"
    sub = fields(found["sub"])
    assert sub["extra"] == str(2**40) and sub["label"] == "'sub'" and sub["where.y"] == "-1.0"
    own = fields(found["own"])
    assert own["attr"] == "'of a class in Python'" and own["count"] == "-7" and own["label"] == "3"
    assert fields(found["cell"]) == {"held": "'held'", "level": "0.5"}
    # Fields of bits are not told, and what is no field of theirs is not guessed.
    assert fields(found["bits"]) == {} and fields(found["other"]) == {}
    assert found["bits"]["absent"] and found["other"]["absent"]

    questions = ["up", "p thing.attributes['where.x'], thing.attributes['label'], own.attr, vars(own)"]
    shown = run_tool(
        pysnap_binary,
        "replay",
        "--python",
        python.path,
        *[option for question in questions for option in ("-c", question)],
        "--thread",
        "hold",
        captured.path,
    )
    expected = "(1.0, ['label'], 'of a class in Python', {'attr': 'of a class in Python'})"
    assert shown.stdout.decode().splitlines()[-1] == expected


def test_separate_file(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    skip_but_newest(python)
    library = build(python, tmp_path / "extension", "-g")
    debug = library.with_suffix(".debug")
    subprocess.run(["objcopy", "--only-keep-debug", str(library), str(debug)], check=True)
    subprocess.run(["strip", "--strip-all", str(library)], check=True)
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", str(library)], check=True)
    captured = capture(pysnap_binary, python, "structs_program.py", tmp_path, python_path=library.parent)
    assert fields(values(captured)["thing"])["ratio"] == "2.5"


def test_none(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    folder = build(python, tmp_path / "extension", "-s").parent
    captured = capture(pysnap_binary, python, "structs_program.py", tmp_path, python_path=folder)
    thing = values(captured)["thing"]
    assert thing["absent"] and all(name.startswith("+") for name in fields(thing))
    assert "['label']" in fields(thing).values()


def test_broken(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Debug information that is garbage costs nothing but itself."""
    skip_but_newest(python)
    library = build(python, tmp_path / "extension", "-g")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(256)) * 64)
    subprocess.run(["objcopy", f"--update-section=.debug_info={garbage}", str(library)], check=True)
    captured = capture(pysnap_binary, python, "structs_program.py", tmp_path, python_path=library.parent)
    thing = values(captured)["thing"]
    assert thing["absent"] and "['label']" in fields(thing).values()
