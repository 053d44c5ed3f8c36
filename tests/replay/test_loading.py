"""Loading, apart from capturing: snapshots that a program writes of itself, whole, cut, damaged, and made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from support_py.interpreters import Interpreter
from support_py.rebuild import python_environment

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "programs"))
from snapshot_encoder import data, number  # noqa: E402

PROGRAM = """
import sys, traceback
sys.path.insert(0, sys.argv[1])
import inprocess_writer

class Plain:
    def __init__(self, value):
        self.value, self.me = value, self

class Slotted:
    __slots__ = ("first", "second")
    def __init__(self):
        self.first = [1]

def outer(first, second=2, *rest, key=3, **more):
    shared = [1, 2.5, "text \\u20ac \\ud800", b"bytes", None, {1: (2, (3,))}, {4}, frozenset([5, (6,)]), 2**100, ...]
    shared.append(shared)
    plain, slotted = Plain(shared), Slotted()
    def inner(step):
        nonlocal second
        second += step
        numbers = [number * step for number in range(3)]
        class Body:
            field = done(first, shared)
        return numbers
    return inner(10)

def done(*values):
    inprocess_writer.write(sys.argv[2], sys._getframe())
    return 1

outer(1, 7, 8, key=9, other=10)
def fails(argument):
    try:
        {}[argument]
    except KeyError as error:
        raise ValueError("wrapped", argument) from error
try:
    fails("key")
except ValueError as error:
    inprocess_writer.write(sys.argv[3], sys._getframe(), error)
    sys.stdout.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
"""


class Written:
    """What a program wrote of itself under `python`."""

    def __init__(self, python: Interpreter, python_package: Path, folder: Path) -> None:
        self.python = python
        self.environment = python_environment(python_package)
        self.frames = folder / "frames.pb"
        self.exception = folder / "exception.pb"
        program = folder / "program.py"
        program.write_text(PROGRAM)
        result = self.run([str(program), str(HERE), str(self.frames), str(self.exception)])
        self.traceback = result.stdout.decode()

    def run(self, arguments: List[str]) -> subprocess.CompletedProcess[bytes]:
        result = subprocess.run(
            [self.python.path, *arguments], env=self.environment, capture_output=True, timeout=250, check=False
        )
        assert result.returncode == 0, f"{result.returncode}: {result.stderr.decode(errors='replace')[-3000:]}"
        return result

    def script(self, text: str, *arguments: object) -> str:
        return self.run(["-c", text, *map(str, arguments)]).stdout.decode()


@pytest.fixture(name="written")
def fixture_written(python: Interpreter, python_package: Path, tmp_path: Path) -> Written:
    return Written(python, python_package, tmp_path)


def test_exception_is_raised_with_its_traceback(written: Written) -> None:
    script = """
import sys, traceback, pysnap
snap = pysnap.load(sys.argv[1])
error = snap.exception
sys.stdout.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
try:
    snap.raise_exception()
except ValueError as raised:
    assert raised is error and raised.args == ("wrapped", "key"), raised
    assert type(raised.__cause__) is KeyError and raised.__suppress_context__
    frames = [frame.f_code.co_name for frame, line in traceback.walk_tb(raised.__traceback__)]
    assert frames == ["<module>", "raise_exception", "<module>", "fails"], frames
else:
    raise AssertionError("nothing was raised")
"""
    assert written.script(script, written.exception) == written.traceback


def test_loading_leaves_nothing_behind(written: Written) -> None:
    """Frames, cycles, classes and code are freed: as many objects and memory blocks after many loads as after few."""
    script = """
import gc, sys, pysnap
counts = []
for number in range(60):
    for path in sys.argv[1:]:
        snap = pysnap.load(path)
        [frame.f_locals for thread in snap.threads for frame in thread.frames]
        del snap
    gc.collect()
    counts.append((len(gc.get_objects()), sys.getallocatedblocks()))
objects = [each[0] for each in counts[20:]]
assert max(objects) - min(objects) <= 10, objects
blocks = [each[1] for each in counts[20:]]
# The interpreter's own tables grow a little at first; 80 leaked loads would be 15,000 blocks.
assert blocks[-1] - blocks[0] <= 1500, blocks
"""
    written.script(script, written.frames, written.exception)


def test_cut_and_damaged_files(written: Written, tmp_path: Path) -> None:
    """Every prefix, and bytes changed at every place, uncompressed so that the damage reaches the rebuilders."""
    script = """
import faulthandler, gc, random, sys, pysnap
faulthandler.enable()
path, scratch, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
good = open(path, "rb").read()
randomness = random.Random(7)
outcomes = {"loaded": 0, "refused": 0, "incomplete": 0}
for number in range(rounds):
    data = bytearray(good)
    if number % 4 == 0:
        del data[randomness.randrange(len(data)):]
    else:
        for _ in range(randomness.choice([1, 1, 2, 5, 40])):
            value = randomness.choice([0, 1, 2, 127, 128, 255, randomness.randrange(256)])
            data[randomness.randrange(len(data))] = value
    with open(scratch, "wb") as file:
        file.write(data)
    try:
        snap = pysnap.load(scratch)
    except pysnap.SnapshotError:
        outcomes["refused"] += 1
        continue
    outcomes["loaded"] += 1
    outcomes["incomplete"] += not snap.capture.complete
    for thread in snap.threads:
        for frame in thread.frames:
            repr(frame), frame.f_lineno, frame.f_code.co_code
            if hasattr(frame.f_code, "co_positions"):
                list(frame.f_code.co_positions())
            try:
                repr(dict(frame.f_locals))
            except (RecursionError, TypeError, AttributeError, RuntimeError, ValueError, UnicodeError):
                pass
    if number % 20 == 0:
        del snap
        gc.collect()
assert all(outcomes.values()), outcomes
"""
    rounds = 60 if written.python.debug else 200
    written.script(script, written.frames, tmp_path / "damaged.pb", rounds)
    written.script(script, written.exception, tmp_path / "damaged.pb", rounds)


def test_functions_refuse_to_run(written: Written) -> None:
    script = """
import inspect, sys, pysnap
def function_of(snap):
    frame = [f for f in snap.threads[0].frames if f.f_code.co_name == "<module>"][0]
    return frame.f_globals["outer"]
function = function_of(pysnap.load(sys.argv[1]))
assert str(inspect.signature(function)) == "(first, second=2, *rest, key=3, **more)", inspect.signature(function)
assert function.__code__.co_firstlineno > 1
try:
    function(1)
except pysnap.CodeNotRun as error:
    assert "--run-code" in str(error)
else:
    raise AssertionError("it ran")
snap = pysnap.load(sys.argv[1], run_code=True)
frame = [f for f in snap.threads[0].frames if f.f_code.co_name == "<module>"][0]
frame.f_globals["done"] = lambda *values: 1
assert function_of(snap)(1, 2) == [0, 10, 20]
"""
    written.script(script, written.frames)


def test_cut_file_says_that_it_is_incomplete(written: Written, tmp_path: Path) -> None:
    data = written.frames.read_bytes()
    cut = tmp_path / "cut.pb"
    cut.write_bytes(data[:-3])
    script = """
import sys, pysnap
snap = pysnap.load(sys.argv[1])
assert not snap.capture.complete
assert [problem.where for problem in snap.capture.problems] == ["file"], snap.capture.problems
assert len(snap.threads[0].frames) == 5
"""
    written.script(script, cut)


# An object whose record refers to the object before it: what to write around the id, by what it becomes.
CHAINS = {
    "cell": lambda before: data(19, number(1, before)),
    "slice": lambda before: data(14, number(2, before) + number(3, before)),
    "method": lambda before: data(17, number(1, 1) + number(2, before)),
    "function": lambda before: data(16, number(8, before)),
    "exception": lambda before: data(22, number(4, before)),
}


@pytest.mark.parametrize("kind", CHAINS)
def test_long_chains_can_be_freed(written: Written, tmp_path: Path, kind: str) -> None:
    """A file may chain a million objects that the interpreter frees by recursion: here, with less stack, fewer."""
    length = 100_000
    objects = [data(1, number(4, 1))] + [data(1, CHAINS[kind](before)) for before in range(1, length)]
    records = [data(1, number(1, 1)), data(3, b"".join(objects)), data(8, number(1, 1) + number(4, length))]
    records[0] = data(1, number(1, 1) + data(4, data(6, number(1, 3) + number(2, written.python.minor))))
    path = tmp_path / "chain.pb"
    path.write_bytes(b"".join(data(1, record) for record in records))
    script = """
import gc, resource, sys, pysnap
resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
snap = pysnap.load(sys.argv[1])
assert snap.capture.objects == 100000, snap.capture
del snap
gc.collect()
"""
    written.script(script, path)
