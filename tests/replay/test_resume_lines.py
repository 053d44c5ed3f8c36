"""A captured frame goes on from one of its lines: as a jump of Python's own debugger does, where that is right."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support_py.interpreters import Interpreter, leave_to_newest_debug_build
from support_py.rebuild import run_script
from support_py.target import PROGRAMS, capture, report

# None of the shapes is longer.
LINES = 31


@pytest.fixture(scope="module")
def jumps() -> Any:
    """What Python's own jumps come to, from 3.11 on: before, they go wrong in more ways than they are refused."""
    assert sys.version_info >= (3, 11)
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / "resumed_lines.py"), "jumps"], input="\n", capture_output=True, text=True
    )
    return json.loads(result.stdout.splitlines()[1])["jumps"]


def is_end(end: str, of: str) -> bool:
    items = ast.literal_eval(end)
    return bool(ast.literal_eval(of)[-len(items) :] == items)


def test_every_line_from_every_call(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, jumps: Any
) -> None:
    leave_to_newest_debug_build(python)
    captured = capture(pysnap_binary, python, "resumed_lines.py", tmp_path)
    told: Dict[str, Any] = json.loads(run_script(python, python_package, "resuming_lines.py", captured.path, LINES))
    truth = jumps if python.minor < 11 else captured.oracle["jumps"]
    facts = captured.oracle["lines"]
    problems: List[str] = []
    counts = {"went on": 0, "refused": 0, "another block": 0, "another handler": 0, "started anew": 0, "no code": 0}
    for key, have in told.items():
        shape, stop, line = key.split()
        blocked = facts[shape][str(captured.oracle["calls"][shape][int(stop) - 1])]
        target = facts[shape].get(line)
        refused = have if isinstance(have, str) else ""
        if target is None:
            counts["no code"] += 1
            if "has no code of" not in refused:
                problems.append(f"{key}: {have}, and there is no code")
            continue
        want = truth.get(key)
        if target["expression"] and refused:
            # Python's own jumps go there with whatever is on the stack.
            counts["refused"] += 1
        elif not set(target["within"]) <= set(blocked["within"]):
            # Python's own jumps take one loop for the other.
            counts["another block"] += 1
            if "is within a block or an expression" not in refused:
                problems.append(f"{key}: {have}, and that is another block")
        elif target["begins"] and blocked["within"]:
            # Python's own jumps go on with the next item, or leave the block.
            counts["started anew"] += 1
            if refused or have != told[f"{shape} {stop} {int(line) - 1}"]:
                problems.append(f"{key}: {have}, which is not what the line before comes to")
        elif not set(target["except"]) <= set(blocked["except"]) or int(line) in target["except"]:
            # Python's own jumps take one handler for the other, and what is handled for what is to be.
            counts["another handler"] += 1
            if "handler of an exception" not in refused:
                problems.append(f"{key}: {have}, and that is another handler")
        elif not set(target["finally"]) <= set(blocked["finally"]) and (blocked["finally"] or blocked["except"]):
            # It handles nothing there: the same as from the first call, where it does not, either.
            first = told[f"{shape} 1 {line}"]
            same = have == first if refused else is_end(first[0], have[0]) and have[1][int(stop) - 1 :] == first[1]
            if not same:
                problems.append(f"{key}: {have}, which is not what it comes to from the first call: {first}")
        elif want is None:
            continue
        elif want[2]:
            counts["refused"] += 1
            if not refused:
                problems.append(f"{key}: {have}, not refused: {want[2]}")
        else:
            counts["went on"] += 1
            if have != want[:2]:
                problems.append(f"{key}: {have}, not {want[:2]}")
    assert not problems, report(problems)
    assert counts["went on"] > 300 and min(counts.values()) > 10, counts
