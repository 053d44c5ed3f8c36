"""What threads wait for, and deadlocks among threads and among tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter
from support_py.target import capture, run_tool

CASES = [
    "two_locks",
    "three_threads",
    "ended_owner",
    "joins_its_waiter",
    "itself",
    "no_deadlock",
    "tasks_in_a_circle",
]


def rotated(names: Any) -> Any:
    """A circle from its first name on."""
    first = names.index(min(names))
    return names[first:] + names[:first]


@pytest.mark.parametrize("case", CASES)
def test_waits(python: Interpreter, pysnap_binary: Path, tmp_path: Path, case: str) -> None:
    captured = capture(pysnap_binary, python, "waiting.py", tmp_path, arguments=(case,))
    view, oracle = captured.view, captured.oracle
    threads = {thread["name"]: thread for thread in view["threads"]}
    names = {thread["native_id"]: thread["name"] for thread in view["threads"]}
    names.update((task["id"], task["name"]) for task in view["tasks"])
    for name, expected in oracle["waits"].items():
        wait = threads[name]["waits_for"]
        assert wait is not None, name
        found = {
            "kind": wait["kind"],
            "id": wait["object"] and wait["object"]["id"],
            "owner": names.get(wait["owner"]),
        }
        if "fds" in expected:
            found["fds"] = wait["fds"]
        assert found == expected, name
        assert threads[name]["daemon"] is True
    assert threads["MainThread"]["daemon"] is False
    circles = [rotated([names[each] for each in found["threads"] + found["tasks"]]) for found in view["deadlocks"]]
    assert circles == oracle["deadlocks"]
    text = run_tool(pysnap_binary, "show", "--no-locals", captured.path).stdout.decode()
    assert text.count("Deadlock") == len(circles)
    if case == "two_locks":
        assert text.count(", which is held by thread") == 4
