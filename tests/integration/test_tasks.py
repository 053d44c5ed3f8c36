"""asyncio's tasks: all of every loop, where each stands, and who waits for whom."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support_py.interpreters import Interpreter, leave_to_full_run
from support_py.packages import packages
from support_py.target import PROGRAMS, Captured, Target, capture, run_tool, show_json

REMOTE = PROGRAMS / "awaited_by.py"
# Besides those of all_tasks(): what has finished and is still registered, up to 3.13.
FINISHED = {"answers", "fails"}


def chain_of(task: Any) -> Any:
    leaves = [frame["leaf"] for frame in task["frames"]]
    assert leaves[:-1] == [None] * (len(leaves) - 1)
    leaf = leaves[-1] if leaves else None
    return [[frame["function"], frame["line"]] for frame in task["frames"]], leaf and leaf["type"]


def by_loop(tasks: Any) -> Dict[str, Dict[str, Any]]:
    loops: Dict[str, Dict[str, Any]] = {}
    for task in tasks:
        names = loops.setdefault(task["loop"]["id"], {})
        assert task["name"] not in names
        names[task["name"]] = task
    return loops


@pytest.mark.parametrize("arguments", [(), ("--without-c",)], ids=["of C", "of Python"])
def test_tasks(python: Interpreter, pysnap_binary: Path, tmp_path: Path, arguments: Tuple[str, ...]) -> None:
    check_tasks(python, capture(pysnap_binary, python, "tasks.py", tmp_path, arguments=arguments))


def test_uvloop(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """The same in loops of uvloop, of which nobody can tell what they are about to call."""
    leave_to_full_run(python)
    uvloop = packages(python, "uvloop", "uvloop")
    captured = capture(pysnap_binary, python, "tasks.py", tmp_path, arguments=["--uvloop"], python_path=uvloop)
    check_tasks(python, captured)
    loops = captured.view["loops"]
    assert {loop["loop"]["id"] for loop in loops} == set(captured.oracle["after"]["loops"])
    assert {loop["loop"]["type"] for loop in loops} == {"uvloop.Loop"}
    unknown = "unsupported: this loop is not one of Python's own"
    assert all((loop["ready"], loop["scheduled"], loop["absent"]) == (None, None, unknown) for loop in loops)
    text = run_tool(pysnap_binary, "show", "--tasks", "--no-locals", captured.path).stdout.decode()
    assert text.count(f"  what it is about to call was not read: {unknown}\n") == len(loops)


def check_tasks(python: Interpreter, captured: Captured) -> None:
    assert not captured.view["capture"]["problems"]
    expected = captured.oracle["after"]["loops"]
    loops = by_loop(captured.view["tasks"])
    assert set(loops) == set(expected) and len(loops) == (3 if python.minor >= 12 else 2)
    idents = {thread["native_id"]: thread["name"] for thread in captured.view["threads"]}
    names_by_id = {task["id"]: task["name"] for task in captured.view["tasks"]}
    for loop, tasks in loops.items():
        wanted = expected[loop]["tasks"]
        assert set(tasks) - set(wanted) <= FINISHED
        assert set(wanted) <= set(tasks), set(wanted) - set(tasks)
        threads = {idents[task["native_id"]] for task in tasks.values()}
        assert len(threads) == 1
        for name, want in wanted.items():
            have = tasks[name]
            found = {key: have[key] for key in ("id", "state", "coroutine")}
            assert found == {key: want[key] for key in found}
            assert sorted(names_by_id[each] for each in have["awaited_by"]) == want["awaited_by"], name
            assert all(have["id"] in tasks[names_by_id[each]]["awaits"] for each in have["awaited_by"])
            if want["state"] == "running":
                assert have["frames"][-1]["function"] == "park" and have["frames"][0]["function"] == "main"
            else:
                assert chain_of(have) == (want["frames"], want["leaf"]), name
        assert sum(len(task["awaits"]) for task in tasks.values()) == sum(len(t["awaited_by"]) for t in wanted.values())
        for name in set(tasks) & FINISHED:
            assert tasks[name]["state"] == "finished"
            if name == "answers":
                assert tasks[name]["result"]["repr"] == str(expected[loop]["answers"])
            else:
                assert tasks[name]["exception"]["message"] == expected[loop]["fails"]


def test_tree(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "tasks.py", tmp_path)
    text = run_tool(pysnap_binary, "show", "--tasks", "--no-locals", captured.path).stdout.decode()
    loops = len(captured.oracle["after"]["loops"])
    assert text.count("\ngathers pending, gathers()") == loops
    assert text.count("\n    waits for gathered 1 pending, leaf()") == loops
    assert text.count("      and 2 more in the same place: gathered 2, gathered deep") == loops
    assert text.count("\n        waits for awaited pending, leaf()") == loops
    assert text.count("waits for awaited pending, leaf() (shown above)") == loops
    assert text.count("circle 1 pending, circle() (a circle: it waits for itself)") == loops
    assert "inside = 'a local'" in run_tool(pysnap_binary, "show", "--tasks", captured.path).stdout.decode()


def test_as_python_sees_it(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """The same tasks, frames and edges as `python -m asyncio ps` and `pstree` are made of, at the same moment."""
    if python.minor < 14:
        pytest.skip("Python looks into other processes from 3.14 on")
    path = tmp_path / "tasks.pb"
    with Target(python, "tasks_in_main.py") as target:
        result = subprocess.run(
            [python.path, str(REMOTE), str(target.pid)], stdin=subprocess.DEVNULL, capture_output=True, timeout=100
        )
        assert result.returncode == 0, result.stderr.decode()[-3000:]
        run_tool(pysnap_binary, "attach", "-o", path, target.pid)
        target.finish()
    theirs = json.loads(result.stdout)
    ours = {
        task["id"]: {
            "name": task["name"],
            # Of one that runs it tells the coroutine, not what that has called.
            "frames": [
                [frame["qualname"], frame["line"]]
                for frame in task["frames"][: 1 if task["state"] == "running" else None]
            ],
            "awaited_by": sorted(task["awaited_by"]),
        }
        for task in show_json(pysnap_binary, path)["tasks"]
    }
    assert ours == theirs
    assert len(ours) > 20


def test_loops(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """What loops are about to call: the first step of a task that has not begun, and what is scheduled."""
    captured = capture(pysnap_binary, python, "tasks.py", tmp_path)
    loops = {each["loop"]["id"]: each for each in captured.view["loops"]}
    assert set(loops) == set(captured.oracle["after"]["loops"])
    tasks = by_loop(captured.view["tasks"])
    for loop_id, loop in loops.items():
        assert {task["native_id"] for task in tasks[loop_id].values()} == {loop["native_id"]}
        assert loop["absent"] is None
        assert loop["ready"] and all(handle["when"] is None for handle in loop["ready"])
        calls = [handle for handle in loop["scheduled"] if "told_later" in handle["callback"]["repr"]]
        (call,) = [handle for handle in calls if not handle["is_cancelled"]]
        assert [argument["repr"] for argument in call["args"]] == ["'an argument'"]
        times = [handle["when"] for handle in loop["scheduled"]]
        assert times == sorted(times) and len(times) >= 2
    text = run_tool(pysnap_binary, "show", "--tasks", "--no-locals", captured.path).stdout.decode()
    assert text.count("\nLoop <asyncio.unix_events._UnixSelectorEventLoop") == len(loops)
