"""What is behind the descriptors that threads wait for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from support_py.interpreters import Interpreter
from support_py.target import PROGRAMS, capture, run_tool, show_json


def told(file: Any) -> Any:
    """What is known of it, as the program tells it."""
    facts = {key: value for key, value in file.items() if value not in (None, False)}
    if "other_ends" in facts:
        facts["other_ends"] = [[end["pid"], end["fd"]] for end in facts["other_ends"]]
    # Only root may look at all processes.
    if os.geteuid() != 0:
        facts.pop("other_ends_absent", None)
    return facts


def test_files(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "waiting_files.py", tmp_path)
    oracle = {name: files for name, files in captured.oracle.items() if name != "done"}
    reused, closed = oracle.pop("reused"), oracle.pop("closed")
    assert len(oracle) > 10
    for name, expected in oracle.items():
        wait = captured.thread(name)["waits_for"]
        files = [told(file) for file in wait["files"]]
        assert wait["fds"] == [file["fd"] for file in wait["files"] if file["epoll"] is None], name
        if name == "epoll":
            unsure = {file["fd"]: file for file in files if "absent" in file}
            assert "another file" in unsure.pop(reused)["absent"]
            assert "not open" in unsure.pop(closed)["absent"]
            assert not unsure
            files = sorted((file for file in files if "absent" not in file), key=lambda file: str(file["fd"]))
            expected = sorted(expected, key=lambda file: str(file["fd"]))
        assert files == expected, name
    text = run_tool(pysnap_binary, "show", "--no-locals", captured.path).stdout.decode()
    for name in ("accepts", "receives"):
        facts = oracle[name][0]["socket"]
        assert facts["address"] in text
    assert f"connected to {oracle['receives'][0]['socket']['peer']}" in text
    assert "listening socket AF_INET" in text
    assert "whose other end is held by process" in text
    if "pidfd" in oracle:
        process = oracle["pidfd"][0]["process"]
        assert f'pidfd of process {process["pid"]} "{process["program"]}"\n' in text


def test_too_many(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """All are told by their numbers, and of those that were not looked at why."""
    captured = capture(pysnap_binary, python, "waiting_files.py", tmp_path, arguments=("many",))
    waits = [captured.thread(name)["waits_for"] for name in ("MainThread", "many", "polls")]
    # First those that threads wait for themselves.
    assert [len(wait["files"]) for wait in waits] == [1, 201, 100]
    kinds = [[file["kind"] for file in wait["files"]] for wait in waits]
    assert kinds == [["pipe"], ["epoll"] + [None] * 200, ["pipe"] * 62 + [None] * 38]
    cut = {file["absent"] for wait in waits for file in wait["files"] if file["kind"] is None}
    assert cut == {"limit: no more than 64 descriptors are looked at"}
    assert len({file["fd"] for file in waits[1]["files"]}) == 201
    assert waits[2]["fds"] == [file["fd"] for file in waits[2]["files"]]


def test_copy(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """While a copy is read the program runs on, and its descriptors are of another moment."""
    captured = capture(pysnap_binary, python, "waiting_files.py", tmp_path, options=("--pause", "fork"))
    waits = captured.thread("accepts")["waits_for"]
    assert [file["kind"] for file in waits["files"]] == [None]
    assert waits["files"][0]["fd"] == waits["fds"][0]
    assert "ran on" in waits["files"][0]["absent"]


def test_secret(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "waiting_files.py", tmp_path, options=("--redact", "a sock"))
    (file,) = captured.thread("unix")["waits_for"]["files"]
    assert file["socket"]["address"] is None
    assert file["absent"] == "redacted: it holds a secret"
    assert b"a socket" not in captured.path.read_bytes()


def test_on_crash(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """The same of the other threads of a program that fails."""
    path = tmp_path / "crash.pb"
    command = [pysnap_binary, "on-crash", "-o", path, "--", python.path, PROGRAMS / "waiting_files.py", "fails"]
    ended = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    assert b"ZeroDivisionError" in ended.stderr
    threads = {thread["name"]: thread for thread in show_json(pysnap_binary, path)["threads"]}
    socket = threads["accepts"]["waits_for"]["files"][0]["socket"]
    assert socket["listening"]
    assert f"listening on {socket['address']}\n" == ended.stdout.decode()
    (pipe,) = threads["pipe"]["waits_for"]["files"]
    assert [end["pid"] for end in pipe["other_ends"]] == [threads["MainThread"]["native_id"]]
