"""Limits cut the values and say so; frames and lines are always whole."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Iterator

import pytest
from support_py.compare import compare
from support_py.interpreters import Interpreter
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


@pytest.mark.parametrize("option", [("--max-objects", 2000), ("--max-bytes", 100000), ("--max-depth", 2)])
def test_limits(python: Interpreter, pysnap_binary: Path, tmp_path: Path, option: Any) -> None:
    captured = capture(pysnap_binary, python, "values.py", tmp_path, option)
    cut = [value for value in values_of(captured.view) if str(value["absent"]).startswith("limit")]
    nested = re.findall(r"<(?:absent|the rest|\d+ more)[^<>]*limit", json.dumps(captured.view))
    assert cut or nested, "nothing says that it was cut"
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
