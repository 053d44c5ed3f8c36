"""The exception of a crash, rebuilt: what Python printed when it died is what the replaying Python prints of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support_py.interpreters import Interpreter, find_interpreters, leave_to_full_run
from support_py.rebuild import python_environment

FRAMES = """
def inner(number):
    local0 = [21, number]
    raise ValueError("bad", number)

def outer(number):
    held = {"number": number}
    try:
        inner(number + 1)
    finally:
        held["cleaned"] = True

"""

# The programs, with the first minor version that can run them.
PROGRAMS: dict[str, tuple[int, str]] = {
    "raised": (8, FRAMES + "outer(1)"),
    "from C": (8, "def convert(text):\n    return int(text)\nconvert('x1')"),
    "division": (8, "def divide(a, b):\n    return a / b\n[divide(1, n) for n in (1, 0)]"),
    "os error": (8, "open('/nonexistent/file')"),
    "unicode": (8, "b'abc\\xff'.decode('ascii')"),
    "key": (8, "{}['missing', 2]"),
    "no arguments": (8, "raise KeyboardInterrupt"),
    "cause": (
        8,
        FRAMES + "try:\n    outer(1)\nexcept ValueError as error:\n    raise RuntimeError('later') from error",
    ),
    "context": (8, FRAMES + "try:\n    outer(1)\nexcept ValueError:\n    {}['key']"),
    "suppressed": (8, FRAMES + "try:\n    outer(1)\nexcept ValueError:\n    raise TypeError('alone') from None"),
    "own class": (8, "class Own(Exception):\n    pass\ndef fail():\n    raise Own('mine', [1, 2])\nfail()"),
    "syntax": (8, "exec('x = (1,\\n2')"),
    "import": (8, "from os import no_such_name"),
    "notes": (11, "error = ValueError('noted')\nerror.add_note('first')\nerror.add_note('second')\nraise error"),
    "group": (
        11,
        FRAMES
        + "errors = [TypeError('a')]\ntry:\n    outer(1)\nexcept ValueError as error:\n    errors.append(error)\n"
        + "raise ExceptionGroup('all', [errors[1], ExceptionGroup('inner', errors[:1])])",
    ),
    "recursion": (8, "def down(n):\n    return down(n + 1)\ndown(0)"),
    "in a thread": (
        8,
        FRAMES + "import threading\nthread = threading.Thread(target=outer, args=(1,))\nthread.start()\nthread.join()",
    ),
}

PRINT = """
import sys, traceback, pysnap
snap = pysnap.load(sys.argv[1])
error = snap.exception
lines = traceback.format_exception(type(error), error, error.__traceback__)
sys.stdout.write("".join(lines))
try:
    snap.raise_exception()
except BaseException as raised:
    assert raised is error
else:
    raise AssertionError("nothing was raised")
"""


class Crash:
    """A program's own last words, and the snapshot of its end."""

    def __init__(self, python: Interpreter, pysnap: Path, source: str, folder: Path) -> None:
        self.program = folder / "program.py"
        self.program.write_text(source)
        self.file = folder / "crash.pb"
        result = subprocess.run(
            [str(pysnap), "on-crash", "--quiet", "-o", str(self.file), "--", python.path, str(self.program)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.stderr = result.stderr


def rebuilt(python: Interpreter, package: Path, file: Path) -> str:
    result = subprocess.run(
        [python.path, "-c", PRINT, str(file)],
        env=python_environment(package),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def printed(stderr: str) -> str:
    """What Python printed, without what only the interpreter's own printer knows."""
    # The traceback module prints the message of an ImportError or SyntaxError as the interpreter does, and classes of
    # __main__ with the module's name up to 3.12 (Python/pythonrun.c leaves it out from 3.11 on).
    lines = [line for line in stderr.splitlines(keepends=True) if not line.startswith("Exception in thread")]
    return re.sub(r"\b__main__\.", "", "".join(lines))


@pytest.mark.parametrize("name", PROGRAMS)
def test_is_printed_as_it_was(
    name: str, python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    since, source = PROGRAMS[name]
    if python.minor < since:
        pytest.skip(f"3.{since} has it")
    crash = Crash(python, pysnap_binary, source, tmp_path)
    assert printed(rebuilt(python, python_package, crash.file)) == printed(crash.stderr)


def test_on_another_version(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """Names, lines and the chain survive on every other version; what a version adds to a traceback may differ."""
    leave_to_full_run(python)
    crash = Crash(python, pysnap_binary, PROGRAMS["cause"][1], tmp_path)
    pattern = r'^(  File ".*", line \d+, in .*|\w+: .*|The above exception .*)$'
    expected = re.findall(pattern, printed(crash.stderr), re.MULTILINE)
    assert len(expected) == 7
    for other in find_interpreters():
        if other.root == python.root or other.root is None:
            found = re.findall(pattern, printed(rebuilt(other, python_package, crash.file)), re.MULTILINE)
            assert found == expected, other.tag


def debugged(pysnap: Path, file: Path, *commands: str) -> list[str]:
    """The lines that pdb prints for these commands."""
    result = subprocess.run(
        [str(pysnap), "replay", str(file), *[word for command in commands for word in ("-c", command)]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def without_places(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines if not line.startswith(("> /", "-> "))]


def test_pdb_starts_where_it_was_raised(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    crash = Crash(python, pysnap_binary, PROGRAMS["raised"][1], tmp_path)
    lines = debugged(pysnap_binary, crash.file, "p local0, number", "up", "p held")
    # From 3.13 on pdb does not say where it is before the first command.
    assert without_places(lines) == ["([21, 2], 2)", "{'number': 1, 'cleaned': True}"]
    assert f"> {crash.program}(9)outer()" in lines


def test_chain_of_exceptions_in_pdb(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    crash = Crash(python, pysnap_binary, PROGRAMS["cause"][1], tmp_path)
    commands = ["exceptions", "exceptions 0", "p local0, number", "exceptions 1", "p outer.__name__"]
    lines = without_places(debugged(pysnap_binary, crash.file, *commands))
    assert lines == ["0 ValueError('bad', 2)", ">   1 RuntimeError('later')", "([21, 2], 2)", "'outer'"]


def test_numbers_that_are_no_exceptions(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    crash = Crash(python, pysnap_binary, PROGRAMS["cause"][1], tmp_path)
    commands = ["exceptions 0", "exceptions 2", "exceptions -1", "exceptions one", "p number"]
    lines = without_places(debugged(pysnap_binary, crash.file, *commands))
    assert [line[:3] for line in lines] == ["***", "***", "***", "2"]
