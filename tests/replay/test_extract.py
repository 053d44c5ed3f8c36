"""`Snapshot.extract`, and the hooks with which a library teaches pysnap about its stacks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.rebuild import REPLAY, python_environment
from support_py.target import capture


def test_extract(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "contexts.py", tmp_path)
    result = subprocess.run(
        [python.path, str(REPLAY / "extracting.py"), str(captured.path)],
        env=python_environment(python_package),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr.decode()[-3000:]
    found = json.loads(result.stdout)
    # Through what only the hook knows; hidden by a local __tracebackhide__.
    assert found["wrapped"] == ["waits_wrapped", "waits_inside_wrapped", "turn!"]
    assert found["wrapped shown"] == ["waits_inside_wrapped", "turn!"]
    assert found["contexts"] == [[], ["managed: deep"], []]
    assert not found["leaf"]
    assert found["suspended"] == ["generator"]
    assert found["described"][0] == "managed: one"
    assert found["thread"][-3:] == ["holds", "running_generator", "park"]
    assert "_bootstrap" not in found["thread"] and "_bootstrap_inner" in found["thread"]
    assert found["by frame"] == found["thread"]
    (thread,) = [thread for thread in captured.view["threads"] if thread["name"] == "has_handled"]
    lines = [frame["line"] for frame in thread["handling"]["frames"]]
    assert [line for _, line in found["handled"]] == lines
    assert found["summary"][1][2] == "await Turn()"
    assert found["lists"]
    assert "managed: deep, line " in found["text"] and "in waits_wrapped" not in found["text"]
