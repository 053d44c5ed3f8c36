"""What sys._current_frames() cannot tell: subinterpreters, frames that crash their own Python, who holds the GIL."""

from __future__ import annotations

from pathlib import Path

from support_py.compare import compare
from support_py.interpreters import Interpreter
from support_py.target import capture, report


def test_subinterpreters(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "subinterpreters.py", tmp_path)
    threads = {thread["native_id"]: thread for thread in captured.view["threads"]}
    for truth in captured.oracle["after"]["subinterpreters"]:
        of_thread = [t for t in captured.view["threads"] if t["native_id"] == truth["native_id"]]
        of_subinterpreter = [t for t in of_thread if t["interpreter"] == truth["interpreter"]]
        assert of_subinterpreter, f"no thread of interpreter {truth['interpreter']} in {of_thread}"
        frame = of_subinterpreter[0]["frames"][-1]
        assert frame["function"] == "in_subinterpreter"
        assert frame["locals"]["argument"]["repr"] == str(truth["argument"])
        assert frame["locals"]["local"]["repr"] == f"[{truth['argument']}, 'подынтерпретатор', {2**70}]"
    own = captured.thread("in_main_interpreter")
    assert own["interpreter"] == 0
    assert len([thread for thread in threads.values() if thread["is_main"]]) == 1
    main = [thread for thread in captured.oracle["threads"] if thread["name"] == "in_main_interpreter"]
    differences = compare(captured.view, {**captured.oracle, "threads": main}, python)
    assert not differences, report(differences)


def test_comprehension_variable_in_the_slot_of_a_cell(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "shadowed_cell.py", tmp_path)
    frames = captured.thread("comprehension_shadows_cell")["frames"]
    innermost = frames[-2]  # the last one is park()
    shape = [frame for frame in frames if frame["function"] == "comprehension_shadows_cell"][0]
    assert innermost["locals"]["item"]["repr"] == "2"
    assert shape["locals"]["before"]["repr"] == "'before'"
    assert shape["locals"]["reader"]["type"] == "function"


def test_class_namespace_around_an_inlined_comprehension(
    python: Interpreter, pysnap_binary: Path, tmp_path: Path
) -> None:
    """3.13's f_locals shows only the comprehension's names there; the class's are as true."""
    captured = capture(pysnap_binary, python, "frames.py", tmp_path)
    frames = captured.thread("comprehension_in_class_body")["frames"]
    body = [frame for frame in frames if frame["function"] == "Body"][0]
    assert body["locals"]["base"]["repr"] == "10"
    assert body["locals"]["__module__"]["repr"] == "'__main__'"
    if python.minor >= 12:
        assert body["locals"]["number"]["repr"] == "2"


def test_parked_threads_do_not_hold_the_gil(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "threads.py", tmp_path)
    assert [thread["name"] for thread in captured.view["threads"] if thread["holds_gil"]] == []
    assert captured.view["reason"]["kind"] == "attach"
    assert captured.view["process"]["build"] == (["debug"] if python.debug else [])
    assert captured.view["process"]["pid"] == captured.oracle["pid"]
