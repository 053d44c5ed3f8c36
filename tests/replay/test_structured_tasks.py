"""The trees of trio's and anyio's tasks, with nurseries and cancel scopes: captured, shown, replayed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from support_py.interpreters import Interpreter
from support_py.packages import packages
from support_py.rebuild import rebuild
from support_py.target import Captured, Target, report, run_tool, show_json
from support_py.tasks import told

PROGRAM = "structured_tasks.py"
# The first release of trio that can be a guest, and the last of anyio 3; for the versions of their time.
OLD = ("trio==0.16.0", "anyio==3.7.1")
OLD_FOR = (8, 9)
# Needed by them on some versions of Python; pip asks only what the version needs that it runs on itself.
ALSO = ("exceptiongroup", "typing_extensions")
# Fewer objects than the program has tasks.
FEW_OBJECTS = 40


@pytest.fixture(params=["old", "new"])
def libraries(request: pytest.FixtureRequest, python: Interpreter) -> Path:
    if request.param == "new":
        return packages(python, "trio", "trio", "anyio", *ALSO)
    if python.minor not in OLD_FOR:
        pytest.skip("is newer than these releases")
    return packages(python, "trio-0.16", *OLD, *ALSO)


def test_structured_tasks(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, libraries: Path
) -> None:
    whole, few = tmp_path / "whole.pb", tmp_path / "few.pb"
    with Target(python, PROGRAM, python_path=libraries) as target:
        attach = run_tool(pysnap_binary, "attach", "-o", whole, target.pid)
        run_tool(pysnap_binary, "attach", "--max-objects", FEW_OBJECTS, "-o", few, target.pid)
        oracle = target.finish()
    captured = Captured(whole, show_json(pysnap_binary, whole), oracle, attach)
    assert captured.view["capture"]["problems"] == []
    differences = list(check_runs(captured))
    assert not differences, report(differences)
    assert [told(task) for task in captured.view["tasks"]] == [
        {key: task[key] for key in task if key not in ("result", "exception")}
        for task in rebuild(python, python_package, "tasks", whole)["result"]
    ]
    check_few(show_json(pysnap_binary, few), captured.view)
    check_text(run_tool(pysnap_binary, "show", "--tasks", "--no-locals", whole).stdout.decode(), captured.oracle)
    check_pdb(
        run_tool(pysnap_binary, "replay", "--python", python.path, "-c", "tasks", whole).stdout.decode(), captured
    )


def tasks_by_thread(view: Any) -> Dict[Tuple[Any, str], Dict[str, Any]]:
    runs: Dict[Tuple[Any, str], Dict[str, Any]] = {}
    idents = {thread["native_id"]: thread["ident"] for thread in view["threads"]}
    for task in view["tasks"]:
        runs.setdefault((idents.get(task["native_id"]), task["library"]), {})[task["id"]] = task
    return runs


def check_runs(captured: Captured) -> Iterator[str]:
    found = tasks_by_thread(captured.view)
    runs = captured.oracle["after"]["runs"]
    assert set(runs) == {"parks_in_trio", "idle_trio", "guest", "anyio_on_trio", "anyio_on_asyncio"}
    for name, run in runs.items():
        library = "asyncio" if name == "anyio_on_asyncio" else "trio"
        tasks = found.get((run["thread"], library), {})
        missing = set(run["tasks"]) - set(tasks)
        if missing:
            yield f"{name}: {len(missing)} of {len(run['tasks'])} tasks are missing, of {len(tasks)}"
        if not name.startswith("anyio") and set(tasks) != set(run["tasks"]):
            yield f"{name}: {set(tasks) - set(run['tasks'])} are no tasks"
        for id, want in run["tasks"].items():
            if id in tasks:
                for text in check_task(tasks[id], want):
                    yield f"{name}: {want['name']}: {text}"
        yield from (f"{name}: {text}" for text in check_children(tasks))


def check_task(have: Any, want: Any) -> Iterator[str]:
    for key in ("name", "coroutine", "role", "state", "parent", "parent_scope"):
        # anyio does not tell all of them, and not what is above the task that it runs.
        if key in want and have[key] != want[key] and not (key == "parent" and "role" not in want and not want[key]):
            yield f"{key} is {have[key]!r}, not {want[key]!r}"
    if have["scopes_absent"] is not None:
        yield f"scopes are absent: {have['scopes_absent']}"
    frames = [[frame["function"], frame["line"]] for frame in have["frames"]]
    if not frames or want.get("frames") and frames != want["frames"]:
        yield f"frames {frames}, not {want.get('frames')}"
    if "nurseries" in want:
        nurseries = {
            scope["id"]: sorted(scope["children"])
            for scope in have["scopes"]
            if "Nursery" in scope["object"]["type"].split(".")
        }
        if nurseries != want["nurseries"]:
            yield f"nurseries {nurseries}, not {want['nurseries']}"
    noted: List[Any] = want["scopes"] or []
    ids = [scope["id"] for scope in noted]
    scopes = [{key: scope[key] for key in noted[0]} for scope in have["scopes"] if scope["id"] in ids] if noted else []
    if scopes != noted:
        yield f"scopes {scopes}, not {noted}"
    for scope in have["scopes"]:
        # What the program has not entered itself the library has.
        if scope["id"] not in ids and not (
            scope["frame"] is not None and not have["frames"][scope["frame"]]["file"].endswith(PROGRAM)
        ):
            yield f"a scope that nobody has entered: {scope}"


def check_children(tasks: Dict[str, Any]) -> Iterator[str]:
    """Each is told below the one that it says to be a child of, once."""
    for id, task in tasks.items():
        places = [
            (parent["id"], scope["id"])
            for parent in tasks.values()
            for scope in parent["scopes"]
            if id in scope["children"]
        ]
        expected = [(task["parent"], task["parent_scope"])] if task["parent"] else []
        if places != expected or task["children"]:
            yield f"{task['name']} is told in {places}, not {expected}"


def check_few(view: Any, whole: Any) -> None:
    """Whatever the limit, every task is told with its frames, and where it is in the tree."""
    facts = ("id", "name", "state", "library", "role", "parent", "parent_scope")
    scope_facts = ("id", "deadline", "cancelled", "shield", "children")
    assert not view["capture"]["complete"] or view["capture"]["objects"] < whole["capture"]["objects"]
    assert len(view["tasks"]) == len(whole["tasks"]) > FEW_OBJECTS
    for have, want in zip(view["tasks"], whole["tasks"]):
        assert {key: have[key] for key in facts} == {key: want[key] for key in facts}
        assert [[f["function"], f["line"]] for f in have["frames"]] == [
            [f["function"], f["line"]] for f in want["frames"]
        ], want["name"]
        assert [{key: scope[key] for key in scope_facts} for scope in have["scopes"]] == [
            {key: scope[key] for key in scope_facts} for scope in want["scopes"]
        ]


def scope_line(scope: Any) -> str:
    text = scope["kind"] + (f" as {scope['varname']}" if scope["varname"] else "")
    text += f", line {scope['line']} in {scope['function']}"
    text += f", deadline {scope['deadline']:.3f}" if scope["deadline"] is not None else ""
    return text + ", shielded" * scope["shield"] + ", cancelled" * scope["cancelled"]


def without_deadline(line: str) -> str:
    return re.sub(r", deadline [0-9.]+", "", line)


def check_text(text: str, oracle: Any) -> None:
    lines = text.splitlines()
    runs = oracle["after"]["runs"]
    for run in runs.values():
        for task in run["tasks"].values():
            for scope in task["scopes"] or []:
                # Tasks in the same place are told once, and their deadlines differ.
                wanted = without_deadline(scope_line(scope))
                assert any(without_deadline(line.strip()) == wanted for line in lines), wanted
    for name in ("parks_in_trio", "idle_trio", "guest"):
        # It is a child of the main task, and that of the init task.
        (nests,) = [task for task in runs[name]["tasks"].values() if task["name"] == "nests"]
        outer, inner = nests["scopes"]
        assert f"          {scope_line(outer)}\n            outer leaf pending, leaf()\n" in text, name
        assert f"          {scope_line(inner)}\n            inner leaf pending, leaf()\n" in text, name
    assert text.count("init(), init task, thread ") == 4
    assert text.count("trio_main(), main task\n") == 3
    assert text.count("          and 2 more in the same place: leaf 1, leaf 2\n") == 3


def check_pdb(output: str, captured: Captured) -> None:
    assert output.count("    nests pending: ") == 3
    for run in captured.oracle["after"]["runs"].values():
        for task in run["tasks"].values():
            for scope in task["scopes"] or []:
                assert without_deadline(scope_line(scope)) in without_deadline(output)
