"""Random graphs of objects, each made by its number in the target and where it is replayed, are the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support_py.interpreters import Interpreter, is_newest, leave_to_full_run
from support_py.rebuild import rebuild
from support_py.target import capture

# scripts/test.sh --full makes it 10,000, which the newest release build of each version replays. The others do a few.
GRAPHS = int(os.environ.get("PYSNAP_GRAPHS", "500"))
FEWEST_GRAPHS = 500
FIRST = int(os.environ.get("PYSNAP_FIRST_GRAPH", "0"))


@pytest.mark.timeout(600)
def test_random_graphs(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    leave_to_full_run(python)
    count = GRAPHS if is_newest(python) else min(GRAPHS, FEWEST_GRAPHS)
    captured = capture(pysnap_binary, python, "graphs.py", tmp_path, arguments=[str(count), str(FIRST)])
    found = rebuild(python, python_package, "graphs", captured.path)["result"]
    assert found["count"] == count
    different = found["different"]
    assert not different, "\n".join(f"graph {number}: {what}" for number, what in list(different.items())[:20])
    # Of two graphs the comparison says that they are not the same one, and of one in which a part was put elsewhere.
    assert found["told_apart"] == [True] * len(found["told_apart"]) and len(found["told_apart"]) >= 100
