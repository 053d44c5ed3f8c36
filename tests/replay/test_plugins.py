"""The worked example of docs/adding-a-type.md: a type of a C extension, told of by a plugin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter
from support_py.target import Captured, capture, run_tool

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example-plugin"


@pytest.fixture
def extension(python: Interpreter, tmp_path: Path) -> Path:
    """A folder with the example's extension, for this interpreter."""
    folder = tmp_path / "extension"
    folder.mkdir()
    headers = [f"-I{path}" for path in python.include]
    command = ["gcc", "-shared", "-fPIC", *headers, str(EXAMPLE / "shapes.c"), "-o", str(folder / "shapes.so")]
    subprocess.run(command, check=True)
    return folder


def values(captured: Captured) -> Any:
    return captured.frame("hold")["locals"]


def test_example(python: Interpreter, pysnap_binary: Path, extension: Path, tmp_path: Path) -> None:
    captured = capture(
        pysnap_binary, python, "shapes_program.py", tmp_path, ["--plugin", EXAMPLE], python_path=extension
    )
    found = values(captured)
    shape = {name: value["repr"] for name, value in found["shape"]["attributes"].items()}
    assert shape == {
        "width": "2.0",
        "height": "1.5",
        "label": "['label']",
        "unit": "'mm'",
        "sample_count": "3",
        "samples": repr(b"\x00\x00\x00?\x00\x00\xa0\xbf\x00\x00@@"),
        "closed": "True",
        "serial": str(2**64 - 2),
    }
    assert found["shape"]["absent"] is None and found["bare"]["attributes"]["label"]["repr"] == "None"
    assert found["named"]["attributes"]["name"]["repr"] == "'of a class in Python'"
    assert found["named"]["attributes"]["height"]["repr"] == "5.0"

    questions = ["up", "p shape, shape.area, shape.sample_values(), shape.serial", "p shape.label is shared, bare"]
    options = [option for question in questions for option in ("-c", question)]
    replayed = run_tool(
        pysnap_binary,
        "replay",
        "--python",
        python.path,
        "--plugin",
        EXAMPLE,
        *options,
        "--thread",
        "hold",
        captured.path,
    )
    assert replayed.stdout.decode().splitlines()[-2:] == [
        f"(<Shape ['label'] of 2.0 by 1.5 mm>, 3.0, [0.5, -1.25, 3.0], {2**64 - 2})",
        "(True, <Shape None of 0.0 by 1.0 mm>)",
    ]


def test_without(python: Interpreter, pysnap_binary: Path, extension: Path, tmp_path: Path) -> None:
    """Nothing is guessed where nobody has told of it, or of an object of another size."""
    declared = json.loads((EXAMPLE / "shapes.json").read_text())
    declared["types"][0]["size"] += 8
    other = tmp_path / "other"
    other.mkdir()
    (other / "shapes.json").write_text(json.dumps(declared))
    for options in [], ["--plugin", other]:
        captured = capture(pysnap_binary, python, "shapes_program.py", tmp_path, options, python_path=extension)
        shape = values(captured)["shape"]
        assert shape["absent"] is not None and shape["absent"].startswith("unsupported: ")
        assert "width" not in (shape["attributes"] or {})


def field(**keys: object) -> str:
    return json.dumps({"types": [{"name": "a.B", "size": 24, "fields": [{"name": "x", "offset": 16, **keys}]}]})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"types": {}}',
        '{"types": [{"name": "a.B", "size": 24}]}',
        '{"types": [{"name": "a.B", "size": 24, "feilds": []}]}',
        field(type="double", offset=24),
        field(type="real"),
        field(type="bytes", count="n"),
        field(type="bytes", count=9),
        field(type="bytes", count=-1, pointer=True),
        field(type="int32", pointer=True),
    ],
)
def test_bad_file(pysnap_binary: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    said = run_tool(pysnap_binary, "attach", "--plugin", tmp_path, 1, expect=2).stderr.decode()
    assert said.startswith(f"pysnap: --plugin: {tmp_path / 'bad.json'}: ") and said.count("\n") == 1, said


def test_no_folder(pysnap_binary: Path, tmp_path: Path) -> None:
    said = run_tool(pysnap_binary, "attach", "--plugin", tmp_path / "none", 1, expect=5).stderr.decode()
    assert said.startswith("pysnap: --plugin: ") and said.count("\n") == 1, said
