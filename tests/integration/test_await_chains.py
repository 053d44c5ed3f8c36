"""What suspended coroutines and generators wait on, through what C puts between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support_py.interpreters import Interpreter
from support_py.target import capture, run_tool

# By those of awaiting.py that have one: what the last frame waits on.
LEAVES = {"by_future": "_asyncio.Future", "from_list": "list_iterator", "from_generator": "list_iterator"}


def test_chains(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "awaiting.py", tmp_path)
    chains = captured.oracle["after"]["chains"]
    assert {name: leaf for name, (_, leaf) in chains.items() if leaf is not None} == LEAVES
    shown = json.loads(run_tool(pysnap_binary, "show", "--json", captured.path).stdout)
    frames = [frame for thread in shown["threads"] for frame in thread["frames"]]
    (local,) = [frame["locals"] for frame in frames if frame["function"] == "holds"]
    assert {name: chain_of(local[name]["frames"]) for name in chains} == {
        name: (frames, leaf) for name, (frames, leaf) in chains.items()
    }
    assert len(chains) == (10 if python.minor >= 10 else 9)
    for name, (frames_of, _) in chains.items():
        expected = 1 if name in ("by_future", "from_list") else 2
        assert len(frames_of) >= expected, name


def chain_of(frames: list[dict[str, Any]]) -> tuple[list[list[Any]], Any]:
    leaves = [frame["leaf"] for frame in frames]
    assert leaves[:-1] == [None] * (len(leaves) - 1)
    return [[frame["function"], frame["line"]] for frame in frames], leaves[-1] and leaves[-1]["type"]
