"""Whatever a file says that a value is made of: making it runs nothing of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.rebuild import python_environment

SCRIPT = """
from pysnap import _builders

ran = []

def record(name):
    def method(self, *arguments):
        ran.append(name)
        raise RuntimeError(name)
    return method

names = "abs add and bool bytes call contains eq float floordiv ge getitem gt hash index int invert iter len "
names += "length_hint lt le mod mul ne neg next or pos radd rand reversed rmul ror rsub setstate str sub trunc"
Evil = type("Evil", (), {"__%s__" % name: record(name) for name in names.split()})

class Anything(dict):
    def __contains__(self, name):
        return name not in missing and not (name.isdigit() and int(name) > 3)
    def __getitem__(self, name):
        if name not in self:
            raise KeyError(name)
        return Evil()
    def get(self, name, default=None):
        return self[name] if name in self else default

builders = _builders.library_builders()
assert len(builders) > 50
# What is a mark for another way to make it is left out once.
for missing in (
    (),
    ("released", "closed", "special"),
    ("count", "number", "sequence", "closed", "contents", "stopped", "begun", "iterator", "newline"),
):
    for kind, build in builders.items():
        try:
            build(kind, Anything())
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        assert not ran, (kind, ran)
    for kind, build in _builders.stand_ins().items():
        try:
            vars(type(build(Anything())))
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        assert not ran, (kind, ran)
"""


def test_run_nothing(python: Interpreter, python_package: Path) -> None:
    result = subprocess.run(
        [python.path, "-c", SCRIPT], env=python_environment(python_package), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
