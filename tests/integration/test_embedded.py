"""on-crash of programs that embed Python: linked to libpython, and loading it by dlopen."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support_py.interpreters import Interpreter
from support_py.watching import watched

SOURCE = Path(__file__).parent.parent / "programs" / "embed.c"

CODE = """
def inner(number):
    local0 = 21
    raise ValueError("bad", number)
inner(2)
"""

# An interpreter becomes the program, so that it sees the same files as that: it may be in another root.
BECOME = "import os, sys\nos.execv(sys.argv[1], sys.argv[1:])"


@pytest.fixture
def library(python: Interpreter) -> str:
    """The shared libpython of the interpreter, as it sees it."""
    find = (
        "import os, sysconfig\nget = sysconfig.get_config_var\n"
        "folders = [get('LIBDIR'), os.path.join(get('LIBDIR'), get('MULTIARCH') or '')]\n"
        "files = [os.path.join(folder, get('INSTSONAME') or '-') for folder in folders]\n"
        "print(next((file for file in files if os.path.isfile(file)), ''))"
    )
    found = subprocess.run([python.path, "-c", find], capture_output=True, text=True, check=True).stdout.strip()
    if not found or ".so" not in found:
        pytest.skip("there is no shared libpython")
    return found


def build(program: Path, python: Interpreter, library: str = "") -> None:
    linked = []
    if library:
        file = Path(python.root or "/") / library.lstrip("/")
        # What that needs itself is not all there where it comes from another system.
        linked = ["-Wl,--no-as-needed,--allow-shlib-undefined", f"-Wl,-rpath,{Path(library).parent}", str(file)]
    subprocess.run(["gcc", str(SOURCE), "-o", str(program), *linked, "-ldl"], check=True)


def embedding(python: Interpreter, folder: Path, library: str, way: str) -> list[str]:
    """The command that becomes the program, up to its mode."""
    program = folder / "embed"
    build(program, python, library if way == "linked" else "")
    started = subprocess.run([python.path, "-c", BECOME, str(program)], capture_output=True, text=True, timeout=60)
    if started.returncode != 2:
        assert "GLIBC" in started.stderr
        pytest.skip("the C library there is older than the one that is compiled for here")
    return [python.path, "-c", BECOME, str(program), "-" if way == "linked" else library]


@pytest.mark.parametrize("way", ["linked", "dlopen"])
def test_embedded(python: Interpreter, pysnap_binary: Path, tmp_path: Path, library: str, way: str) -> None:
    start = embedding(python, tmp_path, library, way)
    for mode in "string", "print", "printex":
        command = [*start, mode, CODE]
        bare = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert bare.returncode == 7 and "ValueError: ('bad', 2)" in bare.stderr, bare.stderr
        out = tmp_path / mode
        out.mkdir()
        result = subprocess.run(
            [*watched(pysnap_binary, "-o", out), *command], capture_output=True, text=True, timeout=60
        )
        own = [line for line in result.stderr.splitlines(keepends=True) if line.startswith("pysnap: ")]
        assert (result.returncode, result.stdout) == (7, "")
        assert result.stderr.replace("".join(own), "") == bare.stderr
        (file,) = out.iterdir()
        shown = subprocess.run([str(pysnap_binary), "show", "--json", str(file)], capture_output=True, check=True)
        snapshot = json.loads(shown.stdout)
        assert snapshot["reason"]["kind"] == "exception" and snapshot["capture"]["problems"] == []
        assert snapshot["exception"]["type"] == "ValueError"
        frames = snapshot["exception"]["frames"]
        assert [(frame["function"], frame["line"]) for frame in frames] == [("<module>", 5), ("inner", 4)]
        assert frames[1]["locals"]["local0"]["repr"] == "21"


def test_interpreter_that_has_ended(python: Interpreter, pysnap_binary: Path, tmp_path: Path, library: str) -> None:
    """A snapshot of nothing is none."""
    command = [*embedding(python, tmp_path, library, "dlopen"), "stay", "print(1)"]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdin and program.stdout
    assert program.stdout.readline() == "1\n" and program.stdout.readline() == "without an interpreter\n"
    file = tmp_path / "snap.pb"
    result = subprocess.run(
        [str(pysnap_binary), "attach", "-o", str(file), str(program.pid)], capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, file.exists()) == (4, "", False)
    assert result.stderr.startswith("pysnap: ") and len(result.stderr.splitlines()) == 1, result.stderr
    program.stdin.close()
    assert program.wait(timeout=60) == 7
