"""What was open in the program is described, and not open here."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.rebuild import python_environment
from support_py.target import PROGRAMS, capture

SCRIPT = """
import sys
import pysnap

[frame] = [f for t in pysnap.load(sys.argv[1]).threads for f in t.frames if f.f_code.co_name == "catalogue"]
values, shown = frame.f_locals["values"], frame.f_locals["shown"]
files = [name for name in values if name.startswith("file ") and name != "file not found"]
assert len(files) == 8
for name in files:
    assert repr(values[name]) == shown[name], (repr(values[name]), shown[name])
    assert values[name].closed == (name == "file closed"), name
    for act in "read", "write", "fileno", "close":
        try:
            getattr(values[name], act)()
        except pysnap.CodeNotRun as error:
            assert "not open here" in str(error)
        else:
            raise AssertionError(act)
text = values["file of latin text"]
assert (text.encoding, text.errors, text.mode, text.name) == ("latin-1", "replace", "w", "/dev/null")
assert text.fd == text.buffer.raw.fd > 2
assert (values["file of bytes"].mode, values["file of bytes"].position) == ("rb", 5)
waits = values["file to be written"]
assert (waits.unwritten, waits.mode) == (b"waits here", "wb")
assert values["file without a buffer"].mode == "ab"
made = values["socket"]
assert (made.family, made.type, made.timeout) == (2, 1, 2.5) and made.fd > 2
assert not hasattr(made, "connect")
"""


def test_files(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "catalogue.py", tmp_path)
    result = subprocess.run(
        [python.path, "-c", SCRIPT, str(captured.path)],
        env=python_environment(python_package, PROGRAMS),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
