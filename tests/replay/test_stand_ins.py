"""What has no instances here answers what can be known of it: files and sockets that were open, matches."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.rebuild import python_environment
from support_py.target import PROGRAMS, capture

FILES = """
import sys
import pysnap

[frame] = [f for t in pysnap.load(sys.argv[1]).threads for f in t.frames if f.f_code.co_name == "catalogue"]
values, shown = frame.f_locals["values"], frame.f_locals["shown"]
files = [name for name in values if name.startswith("file ") and name != "file not found"]
assert len(files) == 9
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
assert values["file read from"].position == 7
assert not hasattr(values["file of text"].buffer.raw, "position")  # /dev/null has none
sockets = [name for name in values if name.startswith("socket ") or name == "socket"]
assert len(sockets) == 9
for name in sockets:
    assert repr(values[name]) == shown[name], (repr(values[name]), shown[name])
near, far = values["sockets connected"]
assert repr([near, far]) == shown["sockets connected"]
assert near.getsockname() == far.getpeername() == near.laddr and near.getpeername() == far.getsockname()
assert near.laddr[0] == "127.0.0.1" and near.laddr[1] > 0 and near.getblocking()
assert values["socket of a path"].getsockname().endswith("/a socket")
assert values["socket of no path"].getsockname().startswith(b"\\0pysnap ")
assert values["socket of a pair"].getsockname() == "" and values["socket of a pair"].getpeername() == ""
for name, question in ("socket that listens", "getpeername"), ("socket closed", "getsockname"):
    try:
        getattr(values[name], question)()
    except OSError:
        pass
    else:
        raise AssertionError(name)
made = values["socket"]
assert (made.family, made.type, made.timeout) == (2, 1, 2.5) and made.fd > 2
assert not hasattr(made, "connect") and made.fileno() == made.fd and made.gettimeout() == 2.5
"""


MATCHES = r"""
import sys
import catalogue
import pysnap

[frame] = [f for t in pysnap.load(sys.argv[1]).threads for f in t.frames if f.f_code.co_name == "catalogue"]
values = frame.f_locals["values"]
sources = {name: source for name, source in catalogue.entries() if name.startswith("match")}
assert len(sources) >= 3
for name, source in sources.items():
    have, want = values[name], catalogue.make(source)
    assert repr(have) == repr(want), name
    for fact in "string", "pos", "endpos", "lastindex", "lastgroup", "regs":
        assert getattr(have, fact) == getattr(want, fact), (name, fact)
    assert have.re.pattern == want.re.pattern
    assert have.groups() == want.groups() and have.groups("x") == want.groups("x")
    assert have.groupdict() == want.groupdict() and have.groupdict("x") == want.groupdict("x")
    numbers = range(len(want.groups()) + 1)
    assert have.group(*numbers) == want.group(*numbers)
    for group in (*numbers, *want.groupdict()):
        assert have[group] == want[group] and have.group(group) == want.group(group)
        for fact in "span", "start", "end":
            assert getattr(have, fact)(group) == getattr(want, fact)(group)
    assert have.span() == want.span() and have.start() == want.start() and have.group() == want.group()
    for wrong in len(want.groups()) + 1, -1, "no such", None:
        try:
            have.group(wrong)
        except IndexError:
            pass
        else:
            raise AssertionError(wrong)
"""


def check(script: str, python: Interpreter, pysnap_binary: Path, python_package: Path, folder: Path) -> None:
    captured = capture(pysnap_binary, python, "catalogue.py", folder)
    result = subprocess.run(
        [python.path, "-c", script, str(captured.path)],
        env=python_environment(python_package, PROGRAMS),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_matches(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    check(MATCHES, python, pysnap_binary, python_package, tmp_path)


def test_files(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    check(FILES, python, pysnap_binary, python_package, tmp_path)
