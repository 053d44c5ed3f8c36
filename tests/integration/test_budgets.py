"""Limits cut the values and say so; frames and lines are always whole."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from support_py.compare import compare
from support_py.interpreters import Interpreter, find_interpreters
from support_py.target import Target, capture, report, run_tool, show_json


def values_of(view: Any) -> Iterator[Any]:
    for thread in view["threads"]:
        for frame in thread["frames"]:
            yield from frame["locals"].values()


def without_locals(oracle: Any) -> Any:
    for thread in oracle["threads"]:
        for frame in thread["frames"]:
            frame.pop("locals", None)
        thread["handling"] = None
    return oracle


def positions_only(view: Any, oracle: Any) -> Any:
    """Modules' names are in their namespaces, which are values: they may be cut, not wrong."""
    for thread, truth in ((thread, truth) for thread in view["threads"] for truth in oracle["threads"]):
        if thread["native_id"] == truth["native_id"]:
            thread["handling"] = None
            for frame, true_frame in zip(thread["frames"], truth["frames"]):
                frame["module"] = frame["module"] or true_frame["module"]
    view["capture"]["problems"] = []
    view["capture"]["complete"] = True
    return view


@pytest.mark.parametrize(
    "option", [("--max-objects", 2000), ("--max-bytes", 100000), ("--max-depth", 2), ("--max-items", 5)]
)
def test_limits(python: Interpreter, pysnap_binary: Path, tmp_path: Path, option: Any) -> None:
    captured = capture(pysnap_binary, python, "values.py", tmp_path, option)
    cut = [value for value in values_of(captured.view) if str(value["absent"]).startswith("limit")]
    nested = re.findall(r"<(?:absent|the rest|\d+ more)[^<>]*limit", json.dumps(captured.view))
    assert cut or nested, "nothing says that it was cut"
    # And by what.
    assert all(option[0] in value["absent"] for value in cut), cut
    assert all(option[0] in text for text in re.findall(r"limit: [^<>]*", json.dumps(captured.view)))
    whole = capture(pysnap_binary, python, "values.py", tmp_path)
    assert captured.view["capture"]["objects"] < whole.view["capture"]["objects"]
    if option[0] == "--max-objects":
        # Beyond the budget are only what frames cannot be told without: code objects, and types of what is named.
        bare = capture(pysnap_binary, python, "values.py", tmp_path, ["--no-locals"])
        assert captured.view["capture"]["objects"] <= 2000 + bare.view["capture"]["objects"]
    differences = compare(positions_only(captured.view, captured.oracle), without_locals(captured.oracle), python)
    assert not differences, report(differences)


def test_no_locals(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "frames.py", tmp_path, ["--no-locals"])
    assert not list(values_of(captured.view))
    differences = compare(positions_only(captured.view, captured.oracle), without_locals(captured.oracle), python)
    assert not differences, report(differences)


def test_show_options(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    with Target(python, "values.py") as target:
        path = tmp_path / "values.pb"
        run_tool(pysnap_binary, "attach", "-o", path, target.pid)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        target.finish()
    assert not list(values_of(show_json(pysnap_binary, path, "--no-locals")))
    one = show_json(pysnap_binary, path, "--thread", "strings")
    assert [thread["name"] for thread in one["threads"]] == ["strings"]
    short = json.loads(run_tool(pysnap_binary, "show", "--json", "--max-repr", 10, path).stdout)
    for value in values_of(short):
        assert len(value["repr"]) <= 10 or not value["truncated"]
    numbers = [frame for thread in short["threads"] for frame in thread["frames"] if frame["function"] == "integers"]
    assert numbers[0]["locals"]["huge"]["truncated"]
    assert numbers[0]["locals"]["one"]["repr"] == "1"


def test_output_folder_and_default_name(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    with Target(python, "shadowed_cell.py") as target:
        run_tool(pysnap_binary, "attach", "-o", tmp_path, target.pid)
        target.finish()
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 1, names
    assert re.fullmatch(rf"pysnap-.*-{target.pid}-\d{{8}}T\d{{6}}.*Z?\.pb", names[0]), names


LARGE = """
import sys
size = 100_000_000
def hold():
    contents = b"head" + bytes(size - 8) + b"tail"
    text = "head" + "\\u20ac" * 40_000_000 + "tail"
    array = bytearray(contents)
    items = list(range(1_000_000))
    table = dict.fromkeys(range(100_000))
    number = 10**5000
    print("ready", flush=True)
    sys.stdin.readline()
    assert contents[:4] == array[:4] and text[-4:] == "tail" and number and items and table
hold()
"""


@pytest.mark.parametrize("options", [[], ["--max-bytes", 1_000_000_000]])
def test_large_values(python: Interpreter, pysnap_binary: Path, tmp_path: Path, options: Any) -> None:
    """More than 64 MiB in one value are told by their size, a beginning and an end, unless --max-bytes allows them."""
    if options and python != [each for each in find_interpreters() if not each.debug][-1]:
        pytest.skip("to show all of it takes long, and is the same in every version")
    program = subprocess.Popen([python.path, "-c", LARGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin and program.stdout and program.stdout.readline() == b"ready\n"
    path = tmp_path / "large.pb"
    run_tool(pysnap_binary, "attach", *options, "-o", path, program.pid)
    program.communicate(b"\n", timeout=60)
    assert program.returncode == 0
    (frame,) = [f for t in show_json(pysnap_binary, path)["threads"] for f in t["frames"] if f["function"] == "hold"]
    values = frame["locals"]
    lengths = {"contents": 100_000_000, "text": 40_000_008, "array": 100_000_000, "items": 1_000_000, "table": 100_000}
    assert {name: values[name]["length"] for name in lengths} == lengths
    assert values["number"]["repr"] == "1" + "0" * 5000
    assert values["items"]["repr"].endswith(", 999999]") and values["table"]["repr"].endswith(": None}")
    for name in "contents", "text", "array":
        absent = values[name]["absent"]
        if options:
            assert absent is None
        else:
            assert absent.startswith("limit: ") and "--max-bytes" in absent
            head, missing, tail = re.split(r"<(\d+) more limit[^>]*>", values[name]["repr"])
            assert "head" in head and "tail" in tail and len(head) < 1_000_000
            assert int(missing) == lengths[name] - 2 * (64 << 10) // (2 if name == "text" else 1)
