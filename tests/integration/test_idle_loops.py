"""Tasks that nothing can wake are named as a deadlock; those that something might wake are not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Optional

import pytest
from support_py.interpreters import Interpreter, is_newest, leave_to_full_run
from support_py.packages import packages
from support_py.target import Target, run_tool, show_json

STUCK = [
    "gets_of_each_other",
    "ring_of_three",
    "put_against_get",
    "join_of_what_is_never_done",
    "event_in_main",
    "locks",
    "through_shield_and_generator",
    "cancelled_timer",
    "after_the_executor",
    "executor_that_is_stuck",
    "beside_faulthandler",
    "in_a_thread",
    "from_another_thread",
    "two_loops",
    "beside_a_circle",
    "in_debug_mode",
    "task_group",
]
FED = [
    "timer",
    "with_timeout",
    "generator_that_sleeps",
    "thread_that_reads",
    "thread_that_sleeps",
    "thread_with_limited_wait",
    "reader",
    "reader_of_what_others_write",
    "child_process",
    "executor",
    "signal_handler_of_the_loop",
    "signal_handler",
    "interrupt_handler",
    "interval_timer",
    "thread_that_python_does_not_know",
    "busy",
    "other_selector",
    "derived_loop",
]
TEXTS = {
    "queue get": "an item of the queue ",
    "queue put": "room in the queue ",
    "queue join": "the items of the queue ",
    "tasks": "task ",
}
# Of x86-64 and of aarch64: those that select() of a loop ends in.
SELECTING = {"epoll_wait": {"232"}, "epoll_pwait": {"281", "22"}, "select": {"23", "270", "72"}}


def system_calls(pid: int) -> dict[str, list[str]]:
    """By thread; of one that runs, a single word."""
    return {task.name: (task / "syscall").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()}


def wait_until_idle(target: Target) -> None:
    """Until the loop is in its selector, as it has told to be about to, and all other threads stand still."""
    numbers = set().union(*SELECTING.values())
    loop_thread = str(target.ready["thread"])
    before: dict[str, list[str]] = {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = system_calls(target.pid)
        if now == before and now[loop_thread][0] in numbers and all(len(call) > 1 for call in now.values()):
            return
        before = now
    raise AssertionError(f"the target does not come to rest: {before}")


def attach(binary: Path, target: Target, path: Path, *options: object) -> Any:
    if not target.ready.get("busy"):
        wait_until_idle(target)
    run_tool(binary, "attach", "-o", path, *options, target.pid)
    return show_json(binary, path)


def waits_of(view: Any) -> dict[str, list[Any]]:
    waits = {}
    for task in view["tasks"]:
        wait = task["waits_for"]
        if wait is not None:
            waits[task["name"]] = [wait["kind"], wait["object"] and wait["object"]["id"]]
    return waits


# What differs between builds of a version is how the facts are read; what is made of them does not.
ON_EVERY_BUILD = {"gets_of_each_other", "from_another_thread", "timer", "signal_handler", "child_process"}


def skip_what_is_not_there(python: Interpreter, case: str) -> None:
    if case not in ON_EVERY_BUILD and not is_newest(python):
        pytest.skip("on the newest release build of each version")
    if case == "task_group" and python.minor < 11:
        pytest.skip("there is no TaskGroup before 3.11")


@pytest.mark.parametrize("case", STUCK)
def test_stuck(python: Interpreter, pysnap_binary: Path, tmp_path: Path, case: str) -> None:
    skip_what_is_not_there(python, case)
    path = tmp_path / "stuck.pb"
    with Target(python, "idle_loops.py", (case,)) as target:
        view = attach(pysnap_binary, target, path)
        expected = target.ready["waits"]
    names = {task["id"]: task["name"] for task in view["tasks"]}
    waits = waits_of(view)
    circles = [found for found in view["deadlocks"] if found["loop"] is None]
    assert [sorted(names[each] for each in found["tasks"]) for found in circles] == (
        [["a", "b"]] if case == "beside_a_circle" else []
    )
    idle = [found for found in view["deadlocks"] if found["loop"] is not None]
    assert [(found["loop"]["id"], found["threads"]) for found in idle] == [(target.ready["loop"], [])]
    assert {names[each]: waits[names[each]] for each in idle[0]["tasks"]} == expected
    for option in ("--no-locals", "--tasks"):
        text = run_tool(pysnap_binary, "show", option, path).stdout.decode()
        assert text.count("Deadlock: nothing in the process can wake the tasks of its loop <") == 1
        for name, (kind, _) in expected.items():
            assert f"\n  task {name} waits for {TEXTS.get(kind, f'the {kind} ')}" in text
    # In the tree tasks in the same place are told as one.
    told = {TEXTS.get(kind, f"the {kind} ") for kind, _ in waits.values() if kind not in ("tasks", "future")}
    assert all(f"    waits for {what}<" in text for what in told)


@pytest.mark.parametrize("case", FED)
def test_fed(python: Interpreter, pysnap_binary: Path, tmp_path: Path, case: str) -> None:
    skip_what_is_not_there(python, case)
    check_not_named(python, pysnap_binary, tmp_path / "fed.pb", case)


def test_uvloop(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    leave_to_full_run(python)
    uvloop = packages(python, "uvloop", "uvloop")
    check_not_named(python, pysnap_binary, tmp_path / "uvloop.pb", "uvloop", uvloop)


def check_not_named(
    python: Interpreter, binary: Path, path: Path, case: str, python_path: Optional[Path] = None
) -> None:
    with Target(python, "idle_loops.py", (case,), python_path) as target:
        expected = target.ready["waits"]
        for _ in range(3):
            view = attach(binary, target, path)
            assert view["deadlocks"] == []
        assert case == "busy" or waits_of(view).items() >= expected.items()
        feeder = target.ready["fed_by"]
        if feeder is None:
            return
        # It was no deadlock indeed.
        assert target.process.stdin is not None
        if feeder == 0:
            target.process.stdin.write(b"\n")
            target.process.stdin.flush()
        else:
            os.kill(target.pid, feeder)
        output, errors = target.process.communicate(timeout=60)
        assert (target.process.returncode, json.loads(output)) == (0, {"done": True}), errors.decode()


@pytest.mark.parametrize("options", [("--pause", "none"), ("--pause", "fork"), ("--no-locals",)], ids="/".join)
def test_not_known(python: Interpreter, pysnap_binary: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Where too little is known nothing is named."""
    with Target(python, "idle_loops.py", ("event_in_main",)) as target:
        view = attach(pysnap_binary, target, tmp_path / "unknown.pb", *options)
    assert view["deadlocks"] == []
    assert [task["name"] for task in view["tasks"]] == ["main"]


def test_signals(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Which signals have handlers, and which."""
    with Target(python, "idle_loops.py", ("signal_handler",)) as target:
        view = attach(pysnap_binary, target, tmp_path / "signals.pb")
    signals = {each["signal"]: each["handler"]["type"] for each in view["signals"]}
    interrupts = "functools.partial" if python.minor >= 11 else "builtin_function_or_method"
    assert signals == {"SIGINT": interrupts, "SIGUSR2": "function"}


def test_redacted(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """A snapshot whose secrets were taken out later tells the same."""
    path, redacted = tmp_path / "whole.pb", tmp_path / "redacted.pb"
    with Target(python, "idle_loops.py", ("put_against_get",)) as target:
        view = attach(pysnap_binary, target, path)
    run_tool(pysnap_binary, "redact", "-o", redacted, path)
    again = show_json(pysnap_binary, redacted)
    assert len(view["deadlocks"]) == 1
    for name in ("deadlocks", "signals"):
        assert again[name] == view[name]
