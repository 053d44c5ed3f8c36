"""The function of a captured frame is called again."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

import pytest
from support_py.interpreters import Interpreter, is_newest
from support_py.packages import ipython
from support_py.rebuild import python_environment, run_script
from support_py.target import capture
from support_py.watching import watched

CRASH = """\
def parse(line, separator="="):
    key, value = Line(line).split(separator)
    return key, int(value)


def read(lines):
    found = {}
    for line in lines:
        key, value = parse(line)
        found[key] = value
    return found


class Line:
    def __init__(self, text):
        self.text = text

    def split(self, separator):
        return divided(self.text, separator)


def divided(text, separator):
    return text.split(separator)


read(["a=1", "b=two"])
"""
MENDED = CRASH.replace("return key, int(value)", "return key, int(value) if value.isdigit() else None")


@pytest.fixture
def crash(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> Path:
    """Its snapshot, beside the program."""
    script = tmp_path / "app.py"
    script.write_text(CRASH)
    command = [*watched(pysnap_binary, "--quiet", "-o", tmp_path / "crash.pb"), python.path, str(script)]
    subprocess.run(command, capture_output=True)
    return tmp_path / "crash.pb"


def replay(
    pysnap_binary: Path,
    python: Interpreter,
    snapshot: Path,
    *commands: str,
    run_code: bool = True,
    lines: Optional[List[str]] = None,
    environment: Optional[Dict[str, str]] = None,
) -> str:
    """What pdb prints, for commands or for lines that are typed."""
    options = [option for command in commands for option in ("-c", command)]
    if run_code:
        options.append("--run-code")
    result = subprocess.run(
        [str(pysnap_binary), "replay", *options, "--python", python.path, str(snapshot)],
        input="".join(f"{line}\n" for line in lines or []),
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert result.returncode == 0, result.stderr
    if run_code:
        assert "--run-code" in result.stderr
    return result.stdout


def test_fails_as_it_failed(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "failing.py", tmp_path)
    told = json.loads(run_script(python, python_package, "rerunning.py", captured.path))
    want = captured.oracle["told"]
    assert len(want) == 18
    assert told == want


def test_in_the_debugger(python: Interpreter, pysnap_binary: Path, crash: Path) -> None:
    mended = crash.parent / "mended.py"
    mended.write_text(MENDED)
    other = crash.parent / "other.py"
    other.write_text("def parse(line, separator, more): pass\n")
    output = replay(
        pysnap_binary,
        python,
        crash,
        *("rerun", "next", "next", "p ('stepped', key, value)", "continue"),
        *("rerun", "quit"),
        f"rerun --from {mended}",
        "continue",
        f"rerun --from {other}",
        f"rerun --from {crash.parent}/nothing.py",
        "rerun --nonsense",
        "line = 'b=5'",
        *("up", f"rerun --from {mended}", "continue", "down"),
        *("rerun", f"break {crash.parent}/app.py:3", "continue", "p ('stopped', value)", "clear 1", "continue"),
        *("up", "lines[1] = 'b=2'", "rerun", "continue"),
    )
    told = output[output.index("('stepped'") :]
    for text in (
        "('stepped', 'b', 'two')",
        "parse raised:",
        "ValueError: invalid literal for int() with base 10: 'two'",
        "captured: it raised ValueError: invalid literal for int() with base 10: 'two' at line 3",
        "parse was left before its end",
        "parse returned ('b', None)",
        "captured: it raised ValueError",
        "parse as it is now takes more, which the captured call did not give",
        "nothing.py",
        "unrecognized arguments: --nonsense",
        "read returned {'a': 1, 'b': None}",
        "('stopped', '5')",
        "parse returned ('b', 5)",
        "read returned {'a': 1, 'b': 2}",
    ):
        assert text in told, f"{text!r} is not in its place in:\n{output}"
        told = told[told.index(text) + len(text) :]


def test_edited(python: Interpreter, pysnap_binary: Path, crash: Path) -> None:
    """$EDITOR changes a copy of the captured source, which need not be on this machine."""
    (crash.parent / "app.py").unlink()
    editor = "sed -i 's/int(value)/len(value)/'"
    environment = {"EDITOR": editor, "VISUAL": ""}
    output = replay(pysnap_binary, python, crash, "rerun --edited", "continue", environment=environment)
    assert "parse returned ('b', 3)" in output
    environment["EDITOR"] = "false"
    output = replay(pysnap_binary, python, crash, "rerun --edited", environment=environment)
    assert "false ended with 1; nothing was run" in output


def test_refused_without_run_code(python: Interpreter, pysnap_binary: Path, crash: Path) -> None:
    output = replay(pysnap_binary, python, crash, "rerun", run_code=False)
    assert "code of the snapshot is not run; replay with --run-code to allow it" in output


def test_interact_writes_back(python: Interpreter, pysnap_binary: Path, crash: Path) -> None:
    first = ["interact", "line, [c for c in line][:1]", "line = 'z=9'", "fresh = 1", "del separator", "exit()"]
    between = ["p line, fresh", "p 'separator' in locals()", "rerun"]
    second = ["interact", "separator = '='", "del key", "exit()", "rerun", "continue", "quit"]
    output = replay(pysnap_binary, python, crash, lines=[*first, *between, *second])
    for text in (
        "('b=two', ['b'])",
        "changed line: 'b=two' -> 'z=9'",
        "added fresh = 1",
        "deleted separator",
        "('z=9', 1)",
        "False",
        "parse has no value for separator any more: assign one first",
        "added separator = '='",
        "deleted key",
        "parse returned ('z', 9)",
    ):
        assert text in output, f"{text!r} is not in:\n{output}"


def test_interact_with_ipython(python: Interpreter, pysnap_binary: Path, crash: Path) -> None:
    if not is_newest(python):
        pytest.skip("the newest build of each version does it")
    environment = {
        "PYTHONPATH": str(ipython(python)),
        "HOME": str(crash.parent),
        "PATH": "/usr/bin:/bin",
        "TERM": "dumb",
    }
    pid, terminal = pty.fork()
    if pid == 0:
        command = [str(pysnap_binary), "replay", "--run-code", "--ui", "ipython", "--python", python.path, str(crash)]
        os.execve(command[0], command, environment)
    told = b""

    def answer(text: bytes, line: str) -> None:
        """Types the line when the text has come."""
        nonlocal told
        seen = b""
        while text not in seen:
            seen += os.read(terminal, 4096)
        told += seen
        os.write(terminal, f"{line}\r".encode())

    try:
        answer(b"ipdb>", "interact")
        answer(b"In [1]:", "line = 'z=9'")
        answer(b"In [2]:", "exit()")
        answer(b"ipdb>", "p 'now', line")
        answer(b"('now', 'z=9')", "quit")
        os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert b"changed line: 'b=two' -> 'z=9'" in told
    assert b"added" not in told, told


def test_to_test(python: Interpreter, pysnap_binary: Path, python_package: Path, crash: Path) -> None:
    """The test fails as the program failed, until the function is mended in its file."""
    result = subprocess.run(
        [str(pysnap_binary), "to-test", "-o", str(crash.parent), "--python", python.path, str(crash)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    test = crash.parent / "test_parse.py"
    assert result.stdout == f"{test}\n"
    run = "import runpy, sys; runpy.run_path(sys.argv[1])['test_parse']()"

    def run_test(path: Path) -> subprocess.CompletedProcess[str]:
        environment = python_environment(python_package)
        command = [python.path, "-c", run, str(path)]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    failed = run_test(test)
    assert failed.returncode == 1
    assert "ValueError: invalid literal for int() with base 10: 'two'" in failed.stderr
    (crash.parent / "app.py").write_text(MENDED)
    passed = run_test(test)
    assert passed.returncode == 0, passed.stderr
    # It goes on to work where the three are put together.
    elsewhere = crash.parent / "elsewhere"
    elsewhere.mkdir()
    for file in (test, crash, crash.parent / "app.py"):
        shutil.copy(file, elsewhere)
    assert run_test(elsewhere / test.name).returncode == 0


def test_to_test_needs_a_crash(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [python.path, "-c", "import sys; print(1, flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    subprocess.run(
        [str(pysnap_binary), "attach", "--quiet", "-o", str(tmp_path / "a.pb"), str(process.pid)], check=True
    )
    process.communicate(b"")
    result = subprocess.run([str(pysnap_binary), "to-test", str(tmp_path / "a.pb")], capture_output=True, text=True)
    assert result.returncode == 1
    assert "holds no exception" in result.stderr
