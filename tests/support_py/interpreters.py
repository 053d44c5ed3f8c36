"""The interpreters under test, as scripts/interpreters.sh --list tells them."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Interpreter:
    """One CPython build of this machine."""

    tag: str  # Its name in test ids: 3.12.1, 3.14.8d
    path: str  # What to run. For one in a Debian root it is a command that enters the root.
    version: str
    minor: int
    debug: bool
    free_threaded: bool
    root: Optional[str]  # The root folder it sees as /, where that is another than ours.
    executable: str  # The program's file as the host sees it.
    test_suite: bool  # Whether `python -m test` is installed.
    ext_suffix: str
    include: tuple[str, ...]  # The folders of its headers as the host sees them.

    @property
    def build(self) -> str:
        return "debug" if self.debug else "release"

    def __str__(self) -> str:
        return self.tag


@functools.lru_cache(maxsize=None)
def _listed() -> tuple[Interpreter, ...]:
    output = subprocess.run(
        [str(ROOT / "scripts" / "interpreters.sh"), "--list"], stdout=subprocess.PIPE, check=True
    ).stdout
    entries: list[dict[str, Any]] = json.loads(output)["interpreters"]
    names = Interpreter.__dataclass_fields__.keys()
    for entry in entries:
        entry["include"] = tuple(entry["include"])
    return tuple(Interpreter(**{name: entry[name] for name in names}) for entry in entries)


FULL_RUN = os.environ.get("PYSNAP_FULL_RUN") == "1"


def is_newest(python: Interpreter) -> bool:
    """Whether it is the newest release build of its version."""
    if python.debug:
        return False
    releases = [each for each in find_interpreters() if each.minor == python.minor and not each.debug]
    return python == max(releases, key=lambda each: [int(number) for number in re.findall(r"\d+", each.version)])


def rounds(python: Interpreter, count: int) -> int:
    """How often to do with it what the newest release build of each version does `count` times: the others do it less
    often, and a debug build takes several times as long.
    """
    return count if is_newest(python) else max(count // 10, min(count, 5))


def leave_to_full_run(python: Interpreter) -> None:
    """Skips what takes long on a debug build and shows there hardly more than on release builds."""
    if python.debug and not FULL_RUN:
        pytest.skip("on debug builds in the full run only (scripts/test.sh --full)")


def leave_to_newest_debug_build(python: Interpreter) -> None:
    """The same where one debug build shows it for all: the newest, in the full run."""
    leave_to_full_run(python)
    if python.debug and python.minor != max(each.minor for each in find_interpreters() if each.debug):
        pytest.skip("of the debug builds, on the newest only")


def find_interpreters(wanted: Sequence[str] = ()) -> list[Interpreter]:
    """The supported interpreters, or those of them that one of the names chooses (see --python)."""
    supported = [python for python in _listed() if not python.free_threaded]
    if not wanted:
        return supported
    return [p for p in supported if wanted_by(p, wanted)]


def one_of_each_minor() -> list[Interpreter]:
    """A release build of each version."""
    chosen: dict[int, Interpreter] = {}
    for python in find_interpreters():
        if not python.debug:
            chosen.setdefault(python.minor, python)
    return list(chosen.values())


def wanted_by(python: Interpreter, names: Sequence[str]) -> bool:
    """Versions and builds are chosen apart: `3.12 3.13 debug` are the debug builds of the two."""
    builds = [name for name in names if name in ("release", "debug")]
    versions = [name for name in names if name not in builds]
    minor = f"3.{python.minor}"
    return (not builds or python.build in builds) and (
        not versions or any(name in (minor, python.version, python.tag) for name in versions)
    )


def cache_dir() -> Path:
    """What survives a clean checkout; the same folder as in scripts/lib/common.sh."""
    explicit = os.environ.get("PYSNAP_CACHE")
    return Path(explicit or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pysnap")
