"""What threads wait for, and deadlocks among threads and among tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support_py.interpreters import Interpreter
from support_py.target import Target, capture, run_tool, show_json

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


def test_gil(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Of threads that compute those that do not run wait for the GIL, and for whoever has it."""
    path = tmp_path / "gil.pb"
    waits = []
    with Target(python, "waiting.py", ("wants_the_gil",)) as target:
        for _ in range(20):
            run_tool(pysnap_binary, "attach", "-o", path, target.pid)
            view = show_json(pysnap_binary, path)
            assert view["deadlocks"] == []
            holders = [thread["native_id"] for thread in view["threads"] if thread["holds_gil"]]
            found = [thread["waits_for"] for thread in view["threads"] if thread["name"] in ("a", "b", "c")]
            waits = [wait for wait in found if wait is not None and wait["kind"] == "gil"]
            assert [wait["owner"] for wait in waits] == [holders[0] if holders else None] * len(waits)
            if waits:
                break
        target.finish()
    assert waits and waits[0]["object"] is None
