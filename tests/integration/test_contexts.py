"""The context managers that every frame is inside of, running or suspended."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

from support_py.interpreters import Interpreter
from support_py.target import capture

FACTS = ("varname", "line", "is_async", "is_exiting", "is_entering")


def frames_of(view: Any) -> Iterator[Any]:
    """Of threads, of what is suspended in them, and of context managers that are made of generators."""
    for thread in view["threads"]:
        for frame in thread["frames"]:
            yield frame
            for value in frame["locals"].values():
                for suspended in value.get("frames", []):
                    yield suspended
                    for context in suspended["contexts"]:
                        yield from context["inner_frames"]


def told(context: Any) -> Dict[str, Any]:
    return {**{fact: context[fact] for fact in FACTS}, "id": context["object"]["id"]}


def test_contexts(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    expected: Dict[str, List[Any]] = captured.oracle["after"]["contexts"]
    found: Dict[str, List[Any]] = {}
    for frame in frames_of(captured.view):
        if frame["function"] in expected:
            found[frame["function"]] = [told(context) for context in frame["contexts"]]
    if python.minor == 8:
        # The object is nowhere but on the C stack while an exit method of C is called.
        (left,) = [entry for entry in expected["left_by_c"] if entry["is_exiting"]]
        left["id"] = None
        (context,) = [context for context in captured.frame("left_by_c")["contexts"] if context["is_exiting"]]
        assert context["object"]["absent"] == "unsupported: its exit method is not on the stack"
    # A frame that is not there is inside of nothing.
    assert found == {function: contexts for function, contexts in expected.items() if function in found}
    assert not any(contexts for function, contexts in expected.items() if function not in found)
    assert len(found) > 20


def test_not_active(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Before a generator has begun, after a frame has ended."""
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    held = captured.frame("holds")["locals"]
    assert held["fresh"]["frames"][0]["contexts"] == []
    assert held["ended"]["frames"] == []
    (thread,) = [thread for thread in captured.view["threads"] if thread["name"] == "has_handled"]
    frames = {frame["function"]: frame for frame in thread["handling"]["frames"]}
    assert frames["raises_inside"]["contexts"] == []
    (thread,) = [thread for thread in captured.view["threads"] if thread["name"] == "has_handled_exit"]
    frames = {frame["function"]: frame for frame in thread["handling"]["frames"]}
    assert frames["fails_to_leave"]["contexts"] == []


def test_what_is_inside(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Generators of @contextmanager are opened up, the entries of exit stacks described as calls."""
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    held = captured.frame("holds")["locals"]
    one, two, stack = held["suspended"]["frames"][0]["contexts"]
    assert one["inner_frames"] == one["children"] == []
    (inner,) = two["inner_frames"]
    assert inner["function"] == "made_by_generator"
    assert [context["varname"] for context in inner["contexts"]] == ["within"]
    entered, called, pushed = stack["children"]
    assert entered["description"] == f"stack.enter_context({entered['object']['repr']})"
    assert entered["object"]["type"] == "__main__.Entered"
    assert called["description"] == "stack.callback(<built-in function print>, 'bye', end='')"
    assert pushed["description"] == "stack.push(generator.<locals>.<lambda>)"
    outer, stack = held["waits"]["frames"][0]["contexts"]
    entered, called = stack["children"]
    assert outer["is_async"] and entered["is_async"] and called["is_async"]
    assert entered["description"] == f"await stack.enter_async_context({entered['object']['repr']})"
    assert called["description"] == "stack.push_async_callback(leaves_by_break)"


def test_not_known(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Of a manager that its exit method does not lead to nothing else is told."""
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    contexts = captured.frame("odd_ones")["contexts"]
    assert [context["varname"] for context in contexts] == ["of_class", "static", "borrowed"]
    assert [context["object"]["id"] for context in contexts] == [None, None, None]
    assert all(context["object"]["absent"].startswith("unsupported: its __exit__ is ") for context in contexts)
