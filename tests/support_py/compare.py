"""Compares `pysnap show --json` with a program's oracle, value by value."""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Optional

POSITION = ("function", "qualname", "file", "line", "lasti", "end_line", "column", "end_column", "module")


def cut(text: Any, limit: int = 300) -> str:
    shown = repr(text)
    return shown if len(shown) <= limit else f"{shown[: limit // 2]} … {shown[-limit // 2 :]} ({len(shown)} characters)"


def first_difference(have: str, want: str) -> str:
    """Both texts, cut to where they part."""
    if len(have) + len(want) < 400:
        return f"{have!r}, not {want!r}"
    at = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
    return f"at character {at}: {cut(have[max(0, at - 20) : at + 80])}, not {cut(want[max(0, at - 20) : at + 80])}"


def without_builtins(text: str) -> str:
    """The builtins' namespace, of which a snapshot has only what captured code names, as the oracle writes it."""
    return re.sub(r"\{'__name__': 'builtins'.*? more not followed>\}", "{<builtins>}", text)


def told_by_address(text: str) -> bool:
    """Whether a value of a type that need not be decoded, or one within, is told as object.__repr__() would."""
    return re.search(r"<[\w.<>]+ object at 0x[0-9a-f]+>", text) is not None


def compare_value(where: str, have: Any, want: Any, python: Any) -> Iterator[str]:
    """A value of the JSON against the oracle's."""
    if have["absent"] == "torn: being sorted" and want["repr"] == "[]":
        return  # what Python shows while a list is being sorted is not its value
    if have["absent"] is not None:
        if want["required"]:
            yield f"{where}: absent ({have['absent']}), but is {cut(want['repr'])}"
            return
        if not str(have["absent"]).startswith("unsupported"):
            yield f"{where}: absent ({have['absent']}), where only unsupported would do for {want['type']}"
    if have["type"] != want["type"]:
        yield f"{where}: type {have['type']}, not {want['type']}"
    if have["id"] != want["id"]:
        yield f"{where}: id {have['id']}, not {want['id']}"
    if have["truncated"]:
        yield f"{where}: truncated"
    shown = without_builtins(have["repr"])
    if shown != want["repr"] and (want["required"] or not told_by_address(shown)):
        yield f"{where}: {first_difference(shown, want['repr'])}"
    if want["required"] and "length" in want and have["length"] != want["length"]:
        yield f"{where}: length {have['length']}, not {want['length']}"
    if want["contents"] is not None and want["required"] and have.get("contents", have["repr"]) != want["contents"]:
        yield f"{where}: contents {first_difference(str(have.get('contents')), want['contents'])}"
    if want["attributes"] is not None and want["required"]:
        yield from compare_attributes(where, have["attributes"], want["attributes"], python)


def compare_attributes(where: str, have: Optional[Any], want: Any, python: Any) -> Iterator[str]:
    if have is None:
        if want:
            yield f"{where}: no attributes, not {list(want)}"
        return
    for name in want:
        if name not in have:
            yield f"{where}.{name}: missing"
        else:
            yield from compare_value(f"{where}.{name}", have[name], want[name], python)
    for name in have:
        if name not in want:
            yield f"{where}.{name}: not an attribute ({cut(have[name]['repr'])})"


def compare_locals(where: str, have: Any, want: Any, python: Any) -> Iterator[str]:
    expected = dict(want["locals"])
    for name, value in have.items():
        if name not in expected:
            if want["optimized"] or (not want["hidden"] and name not in want["free"]):
                yield f"{where}: {name} is not a local ({cut(value['repr'])})"
            continue
        if value["absent"] is not None and str(value["absent"]).startswith("not followed"):
            if want["optimized"] or name in want["names"]:
                yield f"{where}: {name} was not followed"
            continue
        yield from compare_value(f"{where}: {name}", value, expected[name], python)
    for name in expected:
        if name not in have and (want["optimized"] or name in want["names"] or name in want["hidden"]):
            yield f"{where}: {name} is missing (is {cut(expected[name]['repr'])})"
    ordered = want["optimized"] and want.get("ordered", True)
    if ordered and set(have) == set(expected) and list(have) != list(expected):
        yield f"{where}: order {list(have)}, not {list(expected)}"


def compare_position(where: str, have: Any, want: Any) -> Iterator[str]:
    for name in POSITION:
        if have[name] != want[name]:
            yield f"{where}: {name} {cut(have[name])}, not {cut(want[name])}"


def compare_frames(where: str, have: List[Any], want: List[Any], python: Any) -> Iterator[str]:
    names = [frame["function"] for frame in have]
    expected = [frame["function"] for frame in want]
    if names != expected:
        yield f"{where}: frames {cut(names)}, not {cut(expected)}"
        return
    for number, (frame, truth) in enumerate(zip(have, want)):
        place = f"{where}#{number} {cut(truth['function'], 60)}"
        if frame["kind"] != "python" or frame.get("absent"):
            yield f"{place}: kind {frame['kind']}, absent {frame.get('absent')}"
        yield from compare_position(place, frame, truth)
        if "locals" in truth:
            yield from compare_locals(place, frame["locals"], truth, python)


def compare_exception(where: str, have: Any, want: Any, python: Any) -> Iterator[str]:
    if (have is None) != (want is None):
        yield f"{where}: {cut(have and have['type'])}, not {cut(want and want['type'])}"
        return
    if have is None:
        return
    if have["type"] != want["type"]:
        yield f"{where}: type {have['type']}, not {want['type']}"
    if want["message"] is not None and have["message"] != want["message"]:
        yield f"{where}: message {cut(have['message'])}, not {cut(want['message'])}"
    if have["notes"] != want["notes"]:
        yield f"{where}: notes {have['notes']}, not {want['notes']}"
    if have["suppress_context"] != want["suppress_context"]:
        yield f"{where}: suppress_context {have['suppress_context']}"
    if len(have["args"]) != len(want["args"]):
        yield f"{where}: {len(have['args'])} args, not {len(want['args'])}"
    for number, (value, truth) in enumerate(zip(have["args"], want["args"])):
        yield from compare_value(f"{where}.args[{number}]", value, truth, python)
    yield from compare_frames(where + " traceback", have["frames"], want["frames"], python)
    for name in ("cause", "context"):
        yield from compare_exception(f"{where}.__{name}__", have[name], want[name], python)
    if len(have["exceptions"]) != len(want["exceptions"]):
        yield f"{where}: {len(have['exceptions'])} exceptions, not {len(want['exceptions'])}"
    for number, (inner, truth) in enumerate(zip(have["exceptions"], want["exceptions"])):
        yield from compare_exception(f"{where}.exceptions[{number}]", inner, truth, python)


def compare_thread(have: Any, want: Any, python: Any) -> Iterator[str]:
    where = f"[{want['name']}]"
    for name in ("ident", "native_id", "is_main"):
        if have[name] != want[name]:
            yield f"{where}: {name} {have[name]}, not {want[name]}"
    if have["name"] != (want["name"] or None):
        yield f"{where}: name {have['name']!r}"
    if want["is_main"]:
        # The main thread went on to print the oracle: its frames up to the one that did have not moved.
        known = len(want["frames"]) - 1
        yield from compare_frames(where, have["frames"][:known], want["frames"][:known], python)
        return
    yield from compare_frames(where, have["frames"], want["frames"], python)
    yield from compare_exception(f"{where} handling", have["handling"], want["handling"], python)


def compare(view: Any, oracle: Any, python: Any) -> List[str]:
    """Every difference between the snapshot's JSON and the program's own account."""
    if oracle.get("oracle_first") and python.minor < 13:
        # f_locals was there before: a dict that keeps the order in which its names were first bound.
        for thread in oracle["threads"]:
            for frame in thread["frames"]:
                frame["ordered"] = False
    differences = [f"problem: {problem['where']}: {problem['reason']}" for problem in view["capture"]["problems"]]
    if not view["capture"]["complete"]:
        differences.append("the capture is not complete")
    if view["process"]["python"] != oracle["python"]:
        differences.append(f"python {view['process']['python']}, not {oracle['python']}")
    have = {thread["native_id"]: thread for thread in view["threads"]}
    for truth in oracle["threads"]:
        thread = have.get(truth["native_id"])
        if thread is None:
            differences.append(f"[{truth['name']}]: the thread is missing")
            continue
        differences += compare_thread(thread, truth, python)
    order = [(not thread["is_main"], thread["native_id"]) for thread in view["threads"]]
    if order != sorted(order):
        differences.append("threads are not in order: main first, then by native id")
    return differences
