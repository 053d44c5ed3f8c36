"""attach --native: the machine's frames, and each Python frame where its evaluation runs."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support_py.interpreters import Interpreter
from support_py.target import Captured, capture, run_tool

# Python code that calls Python code stays in one evaluation from here on.
FIRST_INLINED_CALLS = 11


def python_frames(thread: Any) -> List[Any]:
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def check_merged(captured: Captured) -> None:
    """No problem with any native stack, and the Python frames are those there are, in their order."""
    assert captured.view["capture"]["problems"] == []
    truth = {thread["native_id"]: thread for thread in captured.oracle["threads"]}
    for thread in captured.view["threads"]:
        assert thread["native_frames"] is None and thread["native_truncated"] is None
        kinds = [frame["kind"] for frame in thread["frames"]]
        assert kinds[0] == "native", "a thread begins in C"
        assert kinds[-1] == "native", "a parked thread is in a system call"
        if thread["is_main"] or thread["native_id"] not in truth:
            continue
        functions = [(frame["function"], frame["line"]) for frame in python_frames(thread)]
        assert functions == [(frame["function"], frame["line"]) for frame in truth[thread["native_id"]]["frames"]]


def gaps(thread: Any) -> List[Dict[str, Any]]:
    """What stands between each Python frame and the next."""
    found: List[Dict[str, Any]] = []
    caller = None
    native: List[Any] = []
    for frame in thread["frames"]:
        if frame["kind"] == "native":
            native.append(frame)
            continue
        if caller is not None:
            found.append({"caller": caller, "callee": frame["function"], "native": native})
        caller, native = frame["function"], []
    return found


def test_calls_through_c(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native"])
    check_merged(captured)
    for shape, pairs in captured.oracle["after"]["between"].items():
        found = gaps(captured.thread(shape))
        for caller, callee, expected in pairs:
            matching = [gap for gap in found if (gap["caller"], gap["callee"]) == (caller, callee)]
            assert matching, f"{shape}: {callee} is not called by {caller}"
            native = matching[0]["native"]
            if not expected and python.minor >= FIRST_INLINED_CALLS:
                assert native == [], f"{shape}: between {caller} and {callee}"
                continue
            assert native, f"{shape}: between {caller} and {callee}"
            names = [frame["function"] for frame in native]
            if expected and None not in names:
                assert set(expected) & set(names), f"{shape}: {names}"


def test_functions_of_a_library_without_debug_information(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path
) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native"])
    native = [f for gap in gaps(captured.thread("through_ctypes")) for f in gap["native"]]
    sorting = [frame for frame in native if "qsort" in (frame["function"] or "")]
    assert sorting
    assert "libc" in sorting[0]["library"]
    assert sorting[0]["library_offset"].startswith("0x")


def test_threads_without_python(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native"])
    others = [thread for thread in captured.view["threads"] if thread["interpreter"] is None]
    assert len(others) == 1
    assert python_frames(others[0]) == []
    assert any("pause" in (frame["function"] or "") for frame in others[0]["frames"])
    assert len(captured.view["threads"]) == len(captured.oracle["threads"]) + 1


def test_threads(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "threads.py", tmp_path, ["--native"])
    check_merged(captured)
    assert len(captured.view["threads"]) > 5


def test_deep_recursion(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "deep.py", tmp_path, ["--native", "--no-locals"])
    check_merged(captured)
    frames = captured.thread("deep_recursion")["frames"]
    native = [frame for frame in frames if frame["kind"] == "native"]
    omitted = sum(frame["omitted"] for frame in native)
    # Every one of them, or a note of how many were left out.
    if python.minor >= FIRST_INLINED_CALLS:
        assert omitted == 0
    else:
        assert omitted + len(native) > 20_000


@pytest.mark.parametrize("pause", ["stop", "fork"])
def test_every_way_to_pause(python: Interpreter, pysnap_binary: Path, tmp_path: Path, pause: str) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native", "--pause", pause])
    check_merged(captured)


def test_what_runs_on_has_no_native_frames(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native", "--pause", "none"])
    problems = [problem for problem in captured.view["capture"]["problems"] if "native frames" in problem["where"]]
    assert len(problems) == len(captured.view["threads"])
    for thread in captured.view["threads"]:
        assert thread["native_truncated"] is not None
        assert python_frames(thread) == thread["frames"]


def test_without_the_option_there_are_none(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path)
    for thread in captured.view["threads"]:
        assert python_frames(thread) == thread["frames"]
        assert thread["native_frames"] is None and thread["native_truncated"] is None


def test_text_marks_native_frames(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native"])
    arguments = ["show", "--no-locals", "--thread", "through_sorted"]
    text = run_tool(pysnap_binary, *arguments, captured.path).stdout.decode()
    assert text.index('  Native "') < text.index("in through_sorted") < text.rindex('  Native "')
    dimmed = run_tool(pysnap_binary, *arguments, "--color", "always", captured.path).stdout.decode()
    native = [line for line in dimmed.splitlines() if "Native " in line]
    assert native and all("\x1b[2m" in line for line in native)


def test_no_network(python: Interpreter, pysnap_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug information is not fetched, whatever the environment says."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            asked.set()
            connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setenv("DEBUGINFOD_URLS", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("DEBUGINFOD_CACHE_PATH", str(tmp_path / "cache"))
        capture(pysnap_binary, python, "native_calls.py", tmp_path, ["--native"])
        assert not asked.is_set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
