"""Finding CPython in a process: which one, in whatever file it is, and with a layout that reads it right."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Optional

import pytest
from support_py.interpreters import Interpreter
from support_py.tracing import system_call_stops

# Tells its types as Python sees them, then waits for its stdin to close.
TELL_TYPES = """
import sys
seen = {}
todo = [object]
while todo:
    one = todo.pop()
    if id(one) not in seen:
        seen[id(one)] = one
        todo += type.__subclasses__(one)
for one in seen.values():
    flags = one.__flags__ & (2**64 - 1)
    name = one.__name__
    print(id(one), name, one.__basicsize__, one.__itemsize__, flags, one.__dictoffset__, sep="\\t")
print("ready", flush=True)
sys.stdin.read()
"""

# Flags that change while a program runs: the version tag is assigned when it is first looked up.
VOLATILE_FLAGS = 1 << 19


@contextmanager
def running(command: list[str], env: Optional[dict[str, str]] = None) -> Iterator[tuple[int, list[str]]]:
    """A process that has printed lines up to "ready": its PID and the lines."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None and process.stdin is not None
    try:
        lines = []
        for line in process.stdout:
            if line.strip() == "ready":
                break
            lines.append(line.rstrip("\n"))
        else:
            pytest.fail(f"{command[0]} ended early: {lines}")
        yield process.pid, lines
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def locate(build_dir: Path) -> Path:
    return build_dir / "bin" / "pysnap_locate"


def ask(locate: Path, pid: int) -> dict[str, list[str]]:
    """What pysnap_locate prints, by the word before the colon."""
    done = subprocess.run([str(locate), str(pid)], capture_output=True, text=True)
    answer: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        what, value = line.split(": ", 1)
        answer.setdefault(what, []).append(value)
    return answer


def test_finds_every_interpreter(python: Interpreter, locate: Path) -> None:
    with running([python.path, "-I", "-c", TELL_TYPES]) as (pid, lines):
        answer = ask(locate, pid)
    assert "error" not in answer, answer["error"]
    assert answer["version"] == [python.version]
    assert answer["debug"] == [str(int(python.debug))]

    # Types are read as the program itself sees them.
    told = {int(words[0]): words[1:] for words in (line.split("\t") for line in lines)}
    compared = 0
    for line in answer["type"]:
        head, basicsize, itemsize, flags, dictoffset = line.rsplit(" ", 4)
        address, name = head.split(" ", 1)
        if int(address) not in told:
            continue
        expected = told[int(address)]
        assert name.rpartition(".")[2] == expected[0]
        assert [basicsize, itemsize, dictoffset] == [expected[1], expected[2], expected[4]], name
        assert int(flags) | VOLATILE_FLAGS == int(expected[3]) | VOLATILE_FLAGS, name
        compared += 1
    assert compared > 60


def copy_of(python: Interpreter, folder: Path) -> tuple[list[str], dict[str, str], Path]:
    """A copy of the file that holds the interpreter: how to run with it, and where it is."""
    library = Path(python.executable).resolve().parent.parent / "lib" / f"libpython3.{python.minor}.so.1.0"
    env = dict(os.environ)
    if not library.exists():
        copied = folder / "python"
        shutil.copy(python.executable, copied)
        env["PYTHONHOME"] = "/usr"
        return [str(copied)], env, copied
    copied = folder / library.name
    shutil.copy(library, copied)
    env["LD_PRELOAD"] = str(copied)
    return [python.path], env, copied


# One static and one shared interpreter say it all.
@pytest.fixture(params=["3.11.2", "3.12.1", "3.8.18"])
def native_python(request: pytest.FixtureRequest) -> Interpreter:
    from support_py.interpreters import find_interpreters

    for python in find_interpreters([request.param]):
        if python.root is None and not python.debug:
            return python
    pytest.skip(f"{request.param} is not here")


def test_finds_one_whose_file_is_gone(native_python: Interpreter, locate: Path, tmp_path: Path) -> None:
    command, env, copied = copy_of(native_python, tmp_path)
    with running([*command, "-c", TELL_TYPES], env) as (pid, _):
        assert str(copied) in Path(f"/proc/{pid}/maps").read_text()
        copied.unlink()
        answer = ask(locate, pid)
    assert answer["version"] == [native_python.version]
    assert answer["module"] == [str(copied)]


def test_finds_one_without_section_headers(native_python: Interpreter, locate: Path, tmp_path: Path) -> None:
    command, env, copied = copy_of(native_python, tmp_path)
    contents = bytearray(copied.read_bytes())
    struct.pack_into("<Q", contents, 40, 0)  # e_shoff
    struct.pack_into("<HH", contents, 60, 0, 0)  # e_shnum, e_shstrndx
    copied.write_bytes(contents)
    with running([*command, "-c", TELL_TYPES], env) as (pid, _):
        answer = ask(locate, pid)
    assert answer["version"] == [native_python.version]
    assert answer["module"] == [str(copied)]


EMBEDDER = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char** argv) {
  void* python = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (python == NULL) { puts(dlerror()); return 1; }
  ((void (*)(int))dlsym(python, "Py_InitializeEx"))(0);
  puts("ready");
  fflush(stdout);
  getchar();
  return 0;
}
"""


def test_finds_one_that_was_loaded_by_another_program(locate: Path, tmp_path: Path) -> None:
    from support_py.interpreters import find_interpreters

    for python in find_interpreters():
        library = Path(python.executable).resolve().parent.parent / "lib" / f"libpython3.{python.minor}.so.1.0"
        if python.root is None and library.exists():
            break
    else:
        pytest.skip("no shared libpython here")
    # Under a name that says nothing.
    copied = tmp_path / "libscripting.so"
    shutil.copy(library, copied)
    (tmp_path / "main.c").write_text(EMBEDDER)
    subprocess.run(["cc", "-o", str(tmp_path / "app"), str(tmp_path / "main.c"), "-ldl"], check=True)
    env = {**os.environ, "PYTHONHOME": str(library.parent.parent)}
    with running([str(tmp_path / "app"), str(copied)], env) as (pid, _):
        answer = ask(locate, pid)
    assert answer.get("version") == [python.version], answer
    assert answer["module"] == [str(copied)]


# What can be said of a process until its interpreter is there.
NOT_YET = {
    "NOT_FOUND: there is no CPython in the process",
    "FAILED_PRECONDITION: its CPython is still being loaded",
    "FAILED_PRECONDITION: its CPython does not tell its version (it has not started yet)",
    "FAILED_PRECONDITION: its CPython has no interpreter (it starts, or has ended)",
    "FAILED_PRECONDITION: its CPython has no threads (it starts, or has ended)",
}


def test_finds_it_or_says_that_it_is_not_there_yet(python: Interpreter, locate: Path) -> None:
    answers = []
    with closing(system_call_stops([python.path, "-I", "-S", "-c", "pass"])) as stops:
        for pid in stops:
            if "python" not in os.path.basename(os.readlink(f"/proc/{pid}/exe")):
                continue  # it is started by a shell script
            answer = ask(locate, pid)
            if "version" in answer:
                break
            answers += answer["error"]
    assert answer["version"] == [python.version]
    assert set(answers) <= NOT_YET
    assert len(answers) > 10


def test_says_that_there_is_none(locate: Path) -> None:
    with running(["/bin/sh", "-c", "echo ready; read line"]) as (pid, _):
        answer = ask(locate, pid)
    assert answer["error"] == ["NOT_FOUND: there is no CPython in the process"]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7"])
def test_names_the_version_it_cannot_read(version: str, locate: Path) -> None:
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    if not found:
        pytest.skip(f"{version} is not here")
    program = "import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()"
    with running([str(found[0]), "-c", program]) as (pid, _):
        answer = ask(locate, pid)
    (error,) = answer["error"]
    assert error.startswith(f"UNIMPLEMENTED: CPython {version}."), error
    assert "supported: CPython 3.8 to 3.15" in error


# What a target of 3.13 or later says about itself, changed in its memory: where in _PyRuntime, to what, and the answer.
LIES = {
    "free-threaded": (16, 1, "UNIMPLEMENTED: the free-threaded build of CPython {version} is not supported"),
    "3.16": (8, 0x031000F0, "UNIMPLEMENTED: CPython 3.16.0 is not supported"),
    "alpha": (8, 0x030F00A3, "UNIMPLEMENTED: CPython 3.15.0a3 is not supported"),
    "python 4": (8, 0x040000F0, "UNIMPLEMENTED: CPython 4.0.0 is not supported"),
    "nonsense": (56, 1 << 40, "DATA_LOSS: the target's debug offsets make no sense"),
    "without the table": (0, 0, "UNIMPLEMENTED: CPython {version} without debug offsets is not supported"),
}


@pytest.mark.parametrize("lie", LIES)
def test_refuses_a_build_it_has_no_table_for(python: Interpreter, lie: str, locate: Path) -> None:
    if python.minor < 13:
        pytest.skip("debug offsets came with 3.13")
    offset, value, expected = LIES[lie]
    with running([python.path, "-I", "-c", TELL_TYPES]) as (pid, _):
        (runtime,) = ask(locate, pid)["runtime"]
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(int(runtime) + offset)
            memory.write(struct.pack("<Q", value))
        answer = ask(locate, pid)
    (error,) = answer["error"]
    assert error.startswith(expected.format(version=python.version)), error
