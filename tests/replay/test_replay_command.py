"""`pysnap replay` and `import pysnap`: pdb in the rebuilt frames, from a file alone, without running what is in it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any, Sequence

import pytest
from support_py.interpreters import Interpreter
from support_py.rebuild import python_environment
from support_py.target import PROGRAMS, Captured, Target, capture, run_tool


def replay(binary: Path, path: Path, python: Interpreter, thread: str, commands: Sequence[str], *more: object) -> str:
    options = [part for command in commands for part in ("-c", command)]
    result = run_tool(binary, "replay", "--python", python.path, "--thread", thread, *options, *more, path)
    return result.stdout.decode()


@pytest.fixture
def debugged(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> Captured:
    return capture(pysnap_binary, python, "debugged.py", tmp_path)


def test_commands(debugged: Captured, python: Interpreter, pysnap_binary: Path) -> None:
    output = replay(
        pysnap_binary,
        debugged.path,
        python,
        "in_a_method",
        ["where", "up", "args", "p before", "p self.balance", "p self.history", "ll", "whatis self"],
    )
    assert "in_a_method()" in output and "deposit()" in output and "park()" in output
    assert "amount = 5" in output
    assert "[('open', 10), ('deposit', 5)]" in output
    assert 'return f"{self.owner}: {before} -> {self.balance}"' in output
    assert "->" in output
    assert "debugged.Account" in output or "__main__.Account" in output
    lines = output.splitlines()
    assert any(line.endswith("10") for line in lines) and any(line.endswith("15") for line in lines)


def test_names_that_are_not_recorded(debugged: Captured, python: Interpreter, pysnap_binary: Path) -> None:
    """That a module of the program has them is not denied."""
    commands = ["up", "p threading.Barrier", "p sys.getrecursionlimit", "p sys.no_such_name"]
    output = replay(pysnap_binary, debugged.path, python, "in_a_method", commands)
    assert "<class 'threading.Barrier'>" in output
    for name in "getrecursionlimit", "no_such_name":
        assert f"AttributeError: '{name}' is not among the recorded names of module 'sys'; " in output


def test_assignment_sticks(debugged: Captured, python: Interpreter, pysnap_binary: Path) -> None:
    """To locals and to cells, through moves between frames; an outer frame sees the cell's new value."""
    output = replay(
        pysnap_binary,
        debugged.path,
        python,
        "at_a_breakpoint",
        ["up", "!total = 'changed total'", "up", "down", "p total", "!flag = [total]", "p flag, total"],
    )
    assert "'changed total'" in output
    assert "(['changed total'], 'changed total')" in output
    output = replay(
        pysnap_binary,
        debugged.path,
        python,
        "in_closures",
        ["up", "!name = 'written in a cell'", "up", "up", "p name"],
    )
    assert "'written in a cell'" in output


def test_threads(debugged: Captured, python: Interpreter, pysnap_binary: Path) -> None:
    output = replay(
        pysnap_binary,
        debugged.path,
        python,
        "in_closures",
        ["threads", "thread in_a_method", "up", "p amount", "thread at_a_breakpoint", "up", "p rest"],
    )
    for shape in ("in_a_method", "in_closures", "at_a_breakpoint", "with_an_exception"):
        assert shape in output
    assert "5" in output and "(3, 4, 5)" in output
    native_id = debugged.thread("in_a_method")["native_id"]
    output = replay(pysnap_binary, debugged.path, python, str(native_id), ["up", "p self.owner"])
    assert "'Ann'" in output


def test_unknown_thread_is_an_error(debugged: Captured, python: Interpreter, pysnap_binary: Path) -> None:
    result = subprocess.run(
        [pysnap_binary, "replay", "--python", python.path, "--thread", "no such", "-c", "where", debugged.path],
        capture_output=True,
        timeout=120,
    )
    assert result.returncode not in (0, -11, -6)
    assert result.stderr.decode().startswith("pysnap: ")


@pytest.mark.parametrize("fate", ["gone", "changed"])
def test_source_is_the_captured_one(python: Interpreter, pysnap_binary: Path, tmp_path: Path, fate: str) -> None:
    """`ll` and `where` show the source as it was, whatever became of the file."""
    programs = tmp_path / "programs"
    shutil.copytree(PROGRAMS, programs, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "x.pb"
    with Target(python, str(programs / "debugged.py")) as target:
        run_tool(pysnap_binary, "attach", "-o", path, target.pid)
        target.finish()
    if fate == "gone":
        shutil.rmtree(programs)
    else:
        for file in programs.glob("*.py"):
            file.write_text("# another line\n" * 200)
    output = replay(pysnap_binary, path, python, "in_a_method", ["up", "ll", "where", "list"])
    assert 'self.history.append(("deposit", amount))' in output
    assert "-> park()" in output or "->	        park()" in output
    assert "# another line" not in output


HOSTILE = """
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
import oracle
LOG = os.environ.get("HOSTILE_LOG")
def trace(name):
    if os.path.exists(LOG + ".armed"):
        with open(LOG, "a") as file:
            file.write(name + "\\n")
class Meta(type):
    def __call__(cls, *args, **kwargs): trace("Meta.__call__"); return super().__call__(*args, **kwargs)
    def __instancecheck__(cls, other): trace("instancecheck"); return True
    def __subclasscheck__(cls, other): trace("subclasscheck"); return True
    def __getattribute__(cls, name): trace("Meta.getattribute " + name); return super().__getattribute__(name)
    def __eq__(cls, other): trace("Meta.eq"); return cls is other
    def __hash__(cls): trace("Meta.hash"); return 1
def make(name):
    def method(self, *args, **kwargs):
        trace(name)
        results = {"__hash__": 1, "__bool__": True, "__len__": 1, "__eq__": True, "__repr__": "r", "__str__": "s"}
        return results.get(name)
    return method
names = ["__new__x", "__init__", "__del__", "__repr__", "__str__", "__bytes__", "__format__", "__lt__", "__eq__",
    "__hash__", "__bool__", "__getattr__", "__setattr__", "__delattr__", "__dir__", "__get__", "__set__", "__delete__",
    "__set_name__", "__len__", "__getitem__", "__setitem__", "__iter__", "__next__", "__contains__", "__call__",
    "__enter__", "__exit__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__",
    "__missing__", "__index__", "__int__", "__float__", "__add__", "__await__", "__aiter__", "__anext__", "__fspath__"]
body = {name: make(name) for name in names}
class WithInitSubclass:
    def __init_subclass__(cls, **kw): trace("__init_subclass__")
Hostile = Meta("Hostile", (WithInitSubclass,), dict(body, __hash__=make("__hash__")))
class HostileList(list):
    append = extend = __iter__ = __len__ = __setitem__ = make("list method")
class HostileDict(dict):
    __setitem__ = update = __iter__ = __hash__ = make("dict method")
class HostileError(Exception):
    __init__ = __new__ = None
    def __init__(self, *args): trace("error init")
    def __new__(cls, *args): trace("error new"); return super().__new__(cls)
    def __setattr__(self, name, value): trace("error setattr")
class HostileStr(str):
    __hash__ = make("str hash")
    __eq__ = make("str eq")
suite = oracle.Suite()
suite.describe_locals = False
def shape():
    instance = object.__new__(Hostile)
    keyed = {}
    error = HostileError()
    items, mapping, text = list.__new__(HostileList), dict.__new__(HostileDict), str.__new__(HostileStr, "t")
    cls = Hostile
    oracle.park()
    return instance, keyed, error, items, mapping, text, cls
suite.shape(shape)
suite.main()
"""


def test_loading_runs_nothing(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """Classes whose every method leaves a trace: neither the capture nor the load nor a look around makes one."""
    log = tmp_path / "log"
    monkeypatch.setenv("HOSTILE_LOG", str(log))
    for file in PROGRAMS.glob("*.py"):
        shutil.copy(file, tmp_path)
    program = tmp_path / "hostile.py"
    program.write_text(HOSTILE)
    path = tmp_path / "hostile.pb"
    with Target(python, str(program)) as target:
        (tmp_path / "log.armed").touch()
        run_tool(pysnap_binary, "attach", "-o", path, target.pid)
        assert not log.exists(), f"the capture ran {log.read_text()}"
        (tmp_path / "log.armed").unlink()
        target.finish()
    (tmp_path / "log.armed").touch()
    script = (
        "import sys, pysnap\n"
        "snap = pysnap.load(sys.argv[1])\n"
        "thread = [t for t in snap.threads if t.name == 'shape'][0]\n"
        "frame = [f for f in thread.frames if f.f_code.co_name == 'shape'][0]\n"
        "names = sorted(frame.f_locals)\n"
        "assert names == ['cls', 'error', 'instance', 'items', 'keyed', 'mapping', 'text'], names\n"
        "assert type(frame.f_locals['instance']) is frame.f_locals['cls']\n"
        "assert type(frame.f_locals['instance']).__name__ == 'Hostile'\n"
    )
    environment = python_environment(python_package)
    result = subprocess.run(
        [python.path, "-c", script, str(path)], env=environment, capture_output=True, timeout=120, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr.decode()
    assert not log.exists(), f"loading ran {log.read_text()}"


def test_damaged_files_raise_snapshot_error(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    """pysnap.load() of cut, flipped and random files: a snapshot or SnapshotError, no crash."""
    good = capture(pysnap_binary, python, "shadowed_cell.py", tmp_path).path.read_bytes()
    randomness = random.Random(11)
    paths = []
    for number in range(60):
        damaged = bytearray(good)
        if number % 3 == 0:
            del damaged[randomness.randrange(len(damaged)) :]
        else:
            for _ in range(randomness.choice([1, 10, 100])):
                damaged[randomness.randrange(len(damaged))] = randomness.randrange(256)
        path = tmp_path / f"damaged-{number}.pb"
        path.write_bytes(damaged)
        paths.append(str(path))
    for number, content in enumerate((b"", b"text", bytes(5000), os.urandom(5000))):
        path = tmp_path / f"random-{number}.pb"
        path.write_bytes(content)
        paths.append(str(path))
    script = (
        "import sys, pysnap, gc\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        snap = pysnap.load(path)\n"
        "    except pysnap.SnapshotError:\n"
        "        assert True\n"
        "    else:\n"
        "        assert 'random-' not in path, path\n"
        "        [frame.f_locals for thread in snap.threads for frame in thread.frames]\n"
        "        del snap\n"
        "gc.collect()\n"
    )
    result = subprocess.run(
        [python.path, "-c", script, *paths], env=python_environment(python_package), capture_output=True, timeout=250
    )
    assert result.returncode == 0, f"{result.returncode}: {result.stderr.decode(errors='replace')[-3000:]}"


def test_comprehension_variable_in_the_slot_of_a_cell(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    """3.13.0 itself crashes when asked for the live frame's f_locals; its replay must not."""
    captured = capture(pysnap_binary, python, "shadowed_cell.py", tmp_path)
    script = (
        "import sys, pysnap\n"
        "thread = [t for t in pysnap.load(sys.argv[1]).threads if t.name == 'comprehension_shadows_cell'][0]\n"
        "frames = [f for f in thread.frames if 'item' in f.f_locals]\n"
        "assert frames[-1].f_locals['item'] == 2, frames[-1].f_locals\n"
    )
    result = subprocess.run(
        [python.path, "-c", script, str(captured.path)],
        env=python_environment(python_package),
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0, f"{result.returncode}: {result.stderr.decode(errors='replace')[-3000:]}"


def test_identity_and_cycles(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "values.py", tmp_path)
    script = (
        "import sys, pysnap\n"
        "snap = pysnap.load(sys.argv[1])\n"
        "def values(name):\n"
        "    thread = [t for t in snap.threads if t.name == name][0]\n"
        "    return [f for f in thread.frames if f.f_code.co_name == name][0].f_locals\n"
        "v = values('tuples_and_lists')\n"
        "assert v['self_list'][1] is v['self_list']\n"
        "assert v['mutual_a'][1] is v['mutual_b'] and v['mutual_b'][1] is v['mutual_a']\n"
        "assert v['tuple_cycle'][0][0] is v['tuple_cycle']\n"
        "assert v['sharing'][0] is v['sharing'][1] is v['sharing'][2][0] is v['shared']\n"
        "v = values('dictionaries')\n"
        "assert v['self_dict']['me'] is v['self_dict']\n"
        "assert v['integer_keys'][2**70] == 'big' and v['tuple_keys'][1, 2] == 'pair'\n"
        "assert list(v['reinserted']) == ['second', 'third', 'first']\n"
        "v = values('instances')\n"
        "assert v['self_reference'].me is v['self_reference']\n"
        "assert type(v['bare']) is type(v['many']) is type(v['self_reference'])\n"
        "assert v['shared_dict'].__dict__ is v['sharing_dict'].__dict__\n"
        "assert v['slotted_child'].a == 1 and v['slotted_child'].c == 'own'\n"
        "assert type(v['slotted_child']).__mro__[1] is type(v['slotted'])\n"
        "assert not hasattr(v['slotted_unset'], 'a')\n"
        "assert type(v['multiple']).__qualname__ == 'Multiple'\n"
        "v = values('children_of_builtins')\n"
        "assert isinstance(v['dict_child'], dict) and v['dict_child'] == {'a': 1}\n"
        "assert isinstance(v['int_child'], int) and v['int_child'] + 1 == 2**65 + 1\n"
        "assert v['str_child'] == 'text \\xe9' and v['tuple_child'] == (1, 2, 3)\n"
        "v = values('integers')\n"
        "assert v['huge'] == 10**5000 and v['minus_two_to_100'] == -2**100\n"
        "v = values('exceptions')\n"
        "assert isinstance(v['os_error'], OSError) and v['os_error'].errno == 2\n"
        "assert v['with_cause'].__cause__.args == ('cause',)\n"
        "assert v['with_traceback'].__traceback__.tb_frame.f_code.co_name == 'raised'\n"
        "assert v['own'].code == 42 and type(v['own']).__name__ == 'OwnError'\n"
        "node, count = values('deep_values')['linked'], 0\n"
        "while node is not None: node, count = node.following, count + 1\n"
        "assert count == 1000, count\n"
        "del node, v\n"
    )
    result = subprocess.run(
        [python.path, "-c", script, str(captured.path)],
        env=python_environment(python_package),
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0, f"{result.returncode}: {result.stderr.decode(errors='replace')[-3000:]}"
