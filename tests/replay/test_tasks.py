"""Replayed tasks are those of the snapshot, and pdb goes through their frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support_py.interpreters import Interpreter
from support_py.rebuild import rebuild
from support_py.target import Captured, capture, run_tool
from support_py.tasks import told

OUTCOMES = {"answers": ("42", "None"), "fails": ("None", "ValueError('told')")}


@pytest.mark.parametrize("arguments", [(), ("--without-c",)], ids=["of C", "of Python"])
def test_tasks(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, arguments: Tuple[str, ...]
) -> None:
    captured = capture(pysnap_binary, python, "tasks.py", tmp_path, arguments=arguments)
    rebuilt = rebuild(python, python_package, "tasks", captured.path)["result"]
    outcomes = {task["name"]: (task.pop("result"), task.pop("exception")) for task in rebuilt}
    assert rebuilt == [told(task) for task in captured.view["tasks"]]
    assert len(rebuilt) > 40
    for name, outcome in OUTCOMES.items():
        assert outcomes.get(name, outcome) == outcome
    assert set(outcomes.values()) - set(OUTCOMES.values()) == {("None", "None")}


def replay(binary: Path, python: Interpreter, captured: Captured, *commands: str) -> str:
    options = [part for command in commands for part in ("-c", command)]
    result = run_tool(binary, "replay", "--python", python.path, *options, captured.path)
    return result.stdout.decode()


def test_commands(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "tasks.py", tmp_path)
    loops: Dict[str, Any] = {}
    for task in captured.view["tasks"]:
        loops.setdefault(task["loop"]["id"], {})[task["name"]] = task
    awaited = next(iter(loops.values()))["awaits awaiting"]
    output = replay(
        pysnap_binary, python, captured, "tasks", f"task {awaited['id']}", "where", "p task", "task nowhere"
    )
    assert output.count("awaits awaiting pending: ") == len(loops)
    assert output.count("    waits for gathered 1 pending: ") == len(loops)
    assert output.count("and 2 more in the same place: gathered 2, gathered deep") == len(loops)
    assert output.count("(a circle: it waits for itself)") == len(loops)
    line = awaited["frames"][0]["line"]
    assert f"tasks.py({line})awaits()" in output
    assert "-> return await task" in output
    assert "*** no task 'nowhere'; there are: " in output


def test_no_tasks(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "debugged.py", tmp_path)
    assert captured.view["tasks"] == []
    output = replay(pysnap_binary, python, captured, "tasks", "task it")
    assert "there are no asyncio or trio tasks" in output and "*** there are no tasks" in output
