"""Greenlets: all of all threads, where each stands, in `show` and in a replay."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support_py.compare import compare_frames
from support_py.interpreters import Interpreter, leave_to_full_run
from support_py.packages import packages
from support_py.rebuild import Rebuilt, rebuild
from support_py.target import Captured, capture, report, run_tool


def replay(binary: Path, python: Interpreter, captured: Captured, *commands: str) -> str:
    options = [part for command in commands for part in ("-c", command)]
    return run_tool(binary, "replay", "--python", python.path, *options, captured.path).stdout.decode()


def differences(have: Any, want: Any, python: Interpreter) -> List[str]:
    """Of one greenlet, as `show --json` has it."""
    found = [
        f"{want['name']}: {name} {have[name]}, not {want[name]}"
        for name in ("state", "parent", "native_id")
        if have[name] != want[name]
    ]
    if have["object"]["type"] != want["type"]:
        found.append(f"{want['name']}: type {have['object']['type']}")
    if have["truncated"] or have["absent"]:
        found.append(f"{want['name']}: {have['truncated']}, {have['absent']}")
    if want["state"] != "running":
        found += compare_frames(f"[{want['name']}]", have["frames"], want["frames"], python)
    return found


def assert_whole_stacks(have: Dict[str, Any], stacks: Dict[str, List[str]]) -> None:
    """Those that were left are in the functions that they were in."""
    assert len(stacks) >= 20
    for each, names in stacks.items():
        assert [frame["function"] for frame in have[each]["frames"]] == names


# By minor version of Python. 3.0.0 to 3.0.2 cut the innermost frame off the others on 3.12.
OTHER_RELEASES = {8: "2.0.2", 11: "3.0.3", 12: "3.0.2"}


def test_other_release(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    release = OTHER_RELEASES.get(python.minor)
    if python.debug or release is None:
        pytest.skip("one release for each way of having frames")
    folder = packages(python, f"greenlet-{release}", f"greenlet=={release}")
    captured = capture(pysnap_binary, python, "greenlets.py", tmp_path, python_path=folder)
    told = captured.oracle["after"]["greenlets"]
    wanted: Dict[str, Any] = {each["id"]: each for each in told["greenlets"]}
    have = {each["id"]: each for each in captured.view["greenlets"]}
    assert_whole_stacks(have, told["stacks"])
    for each in told["of_ended_thread"]:
        del have[each]
    assert not captured.view["capture"]["problems"]
    facts = ("state", "parent", "native_id")
    assert {each: [have[each][name] for name in facts] for each in have} == {
        each: [wanted[each][name] for name in facts] for each in wanted
    }


def test_greenlets(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    folder = packages(python, "greenlet", "greenlet")
    captured = capture(pysnap_binary, python, "greenlets.py", tmp_path, python_path=folder)
    told = captured.oracle["after"]["greenlets"]
    wanted: Dict[str, Any] = {each["id"]: each for each in told["greenlets"]}
    have = {each["id"]: each for each in captured.view["greenlets"]}
    assert not captured.view["capture"]["problems"]
    assert_whole_stacks(have, told["stacks"])
    main, left = (have.pop(each) for each in told["of_ended_thread"])
    assert [each["state"] for each in (main, left)] == ["finished", "suspended"]
    assert all(each["thread_ended"] and each["native_id"] is None for each in (main, left))
    assert set(have) == set(wanted) and len(have) + 2 == len(captured.view["greenlets"])
    found: List[str] = []
    for each, want in wanted.items():
        found += differences(have[each], want, python)
    assert not found, report(found)
    by_name = {want["name"]: have[each] for each, want in wanted.items()}

    threads = {thread["native_id"]: thread for thread in captured.view["threads"]}
    for name in ("main of over_one_another", "running"):
        assert by_name[name]["frames"] == threads[by_name[name]["native_id"]]["frames"]
    assert [each["is_main"] for each in have.values()].count(True) == 4
    assert {each["id"] for each in have.values() if each["is_main"]} == {each["main"] for each in have.values()}
    for function, names in told["contexts"].items():
        (frame,) = [frame for frame in by_name[function]["frames"] if frame["function"] == function]
        assert [context["varname"] for context in frame["contexts"]] == names
    for name, message in (
        ("in_except_clause", "handled by a greenlet"),
        ("in_generator_in_except_clause", "'handled by a generator'"),
    ):
        assert by_name[name]["handling"]["message"] == message
    assert by_name["not started"]["run"]["repr"] == told["unstarted"]
    assert by_name["not started, derived"]["run"] is None
    assert by_name["derived"]["object"]["attributes"]["label"]["repr"] == "'a label'"

    text = run_tool(pysnap_binary, "show", captured.path).stdout.decode()
    assert f"{len(have) + 2} greenlets (see --greenlets)" in text
    text = run_tool(pysnap_binary, "show", "--greenlets", captured.path).stdout.decode()
    assert "inside = [4" in text and "will call <function waits at " in text
    assert "and 1 more in the same place: " in text
    redacted = tmp_path / "redacted.pb"
    run_tool(pysnap_binary, "redact", "--redact", "^a local$", "-o", redacted, captured.path)
    text = run_tool(pysnap_binary, "show", "--greenlets", redacted).stdout.decode()
    assert "inside = [42, <redacted str>]" in text or "inside = [44, <redacted str>]" in text
    assert "'a local'" not in text

    rebuilt = rebuild(python, python_package, "greenlets", captured.path)["result"]
    checker = Rebuilt(same_version=True, positions=python.minor >= 11)
    assert {each["id"] for each in rebuilt} == {*wanted, *told["of_ended_thread"]}
    for each in rebuilt:
        if each["id"] not in wanted:
            continue
        want = wanted[each["id"]]
        where = f"replayed {want['name']}"
        told_of = {name: each[name] for name in ("state", "parent", "native_id", "type")}
        assert told_of == {name: want[name] for name in told_of}, where
        names = [frame["function"] for frame in each["frames"]]
        assert each["backs"][::-1] == names and each["extracted"] == names and each["by object"] == names
        if want["state"] == "running":
            continue
        assert names == [frame["function"] for frame in want["frames"]], where
        for number, (frame, truth) in enumerate(zip(each["frames"], want["frames"])):
            found += checker.frame(f"{where}#{number}", frame, truth)
    assert not found, report(found)

    suspended = by_name["suspended"]["id"]
    output = replay(
        pysnap_binary, python, captured, "greenlets", f"greenlet {suspended}", "up", "p inside", "where", "greenlet 0x1"
    )
    alone = by_name["in_blocks"]
    assert f"{alone['id']} greenlet.greenlet suspended (of thread {alone['native_id']}): " in output
    assert "[42, 'a local']" in output and "calls()" in output
    assert "*** no greenlet '0x1'; there are: " in output


def test_library_without_debug_information(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """The greenlets are there, with the reason why no more is known of them, and nothing else suffers."""
    if python.debug or python.minor not in (10, 14):
        pytest.skip("what is said does not depend on the version")
    folder = stripped(packages(python, "greenlet", "greenlet"), tmp_path)
    captured = capture(pysnap_binary, python, "greenlets.py", tmp_path, python_path=folder)
    told = captured.oracle["after"]["greenlets"]["greenlets"]
    of_ended = captured.oracle["after"]["greenlets"]["of_ended_thread"]
    assert {each["id"] for each in captured.view["greenlets"]} == {each["id"] for each in told} | set(of_ended)
    for each in captured.view["greenlets"]:
        assert each["state"] is None and each["frames"] == []
        assert each["absent"] == "unsupported: its library has no debug information"
    (problem,) = captured.view["capture"]["problems"]
    assert problem["reason"] == "its library has no debug information"
    assert "park" in [frame["function"] for frame in captured.thread("over_one_another")["frames"]]
    text = run_tool(pysnap_binary, "show", "--greenlets", captured.path).stdout.decode()
    assert "what it does is not known: unsupported: its library has no debug information" in text


def stripped(folder: Path, tmp_path: Path) -> Path:
    """A copy of the package whose libraries have no debug information."""
    copy = tmp_path / "stripped"
    shutil.copytree(folder, copy)
    for library in copy.rglob("*.so"):
        subprocess.run(["strip", str(library)], check=True)
    return copy


def test_gevent(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    leave_to_full_run(python)
    folder = packages(python, "gevent-greenback", "gevent", "greenback")
    captured = capture(pysnap_binary, python, "gevent_program.py", tmp_path, python_path=folder)
    have = {each["id"]: each for each in captured.view["greenlets"]}
    (thread,) = [thread for thread in captured.view["threads"] if thread["is_main"]]
    assert not captured.view["capture"]["problems"]
    assert {each["native_id"] for each in have.values()} == {thread["native_id"]}
    hub, main = (have.pop(captured.oracle[name]) for name in ("hub",)), captured.oracle["main"]["id"]
    (hub_view,) = hub
    assert hub_view["state"] == "running" and hub_view["frames"] == thread["frames"]
    main_view = have.pop(main)
    assert main_view["state"] == "suspended" and main_view["is_main"]
    assert "main" in [frame["function"] for frame in main_view["frames"]]
    wanted = {each["id"]: each for each in captured.oracle["greenlets"]}
    assert set(have) == set(wanted) and len(wanted) >= 27
    assert {"suspended", "finished", "not started"} == {each["state"] for each in have.values()}
    found: List[str] = []
    for each, want in wanted.items():
        found += differences(have[each], {**want, "native_id": thread["native_id"]}, python)
    assert not found, report(found)
    text = run_tool(pysnap_binary, "show", "--greenlets", captured.path).stdout.decode()
    assert "and 19 more in the same place: " in text


def test_greenback(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """The stack of a task goes on in the greenlet in which greenback runs it, and in what that awaits."""
    leave_to_full_run(python)
    folder = packages(python, "gevent-greenback", "gevent", "greenback")
    captured = capture(pysnap_binary, python, "greenback_program.py", tmp_path, python_path=folder)
    assert not captured.view["capture"]["problems"]
    stacks = rebuild(python, python_package, "portals", captured.path)["result"]
    for task, names in captured.oracle["told"].items():
        stack = stacks[task]
        assert stack["names"] == names and stack["all"] > len(names)
        assert stack["local"] == "a local" and stack["waits"]
