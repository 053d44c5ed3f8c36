"""`Snapshot.contexts` tells of replayed frames what `pysnap show --json` does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List

from support_py.interpreters import Interpreter
from support_py.rebuild import rebuild
from support_py.target import capture


def told(context: Any) -> Dict[str, Any]:
    facts = {key: context[key] for key in ("varname", "line", "is_async", "is_exiting", "is_entering")}
    description = context["description"]
    return {
        **facts,
        "description": re.sub("0x[0-9a-f]+", "0x", description) if description else None,
        "type": type_of(context["object"]),
        "inner_frames": [frame["function"] for frame in context["inner_frames"]],
        "children": [told(each) for each in context["children"]],
    }


def type_of(value: Any) -> str:
    """Of what is rebuilt."""
    if value["absent"]:
        return "Absent"
    return "OpenFile" if value["type"].startswith("_io.") else value["type"].rpartition(".")[2]


def test_contexts(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    expected: List[Any] = []
    for thread in captured.view["threads"]:
        for frame in thread["frames"]:
            expected.append([frame["function"], [told(context) for context in frame["contexts"]]])
            for name, value in frame["locals"].items():
                for suspended in value.get("frames", [])[:1]:
                    inside = [told(context) for context in suspended["contexts"]]
                    expected.append([f"{frame['function']} {name}", inside])
    rebuilt = rebuild(python, python_package, "contexts", captured.path)["result"]
    assert rebuilt == expected
