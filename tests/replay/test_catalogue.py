"""Every value of catalogue.py is replayed as the one that it was, but for those that are named here."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Tuple

from support_py.interpreters import Interpreter
from support_py.rebuild import rebuild
from support_py.target import capture

NEWEST = 99
STAND_IN = "a stand-in with what is known of it"
BARE = "rebuilt, but shown as an object of any class is"

# Name: the first and the last minor version, and what it is instead.
OTHERWISE: Dict[str, Tuple[int, int, str]] = {
    "ast": (14, NEWEST, BARE),
    "context": (8, NEWEST, STAND_IN),
    "context variable": (8, NEWEST, STAND_IN),
    "context variable set": (8, NEWEST, STAND_IN),
    "cycle begun": (14, NEWEST, STAND_IN + ": this version cannot make one that has begun"),
    "decimal context": (8, NEWEST, STAND_IN),
    "flags combined": (8, 10, BARE + ": the names of a combination are sought when it is shown"),
    "future done": (8, NEWEST, BARE),
    "future failed": (8, NEWEST, BARE),
    "future pending": (8, NEWEST, BARE),
    "generic class": (8, NEWEST, "its type variable is not equal to another one"),
    "group by": (8, NEWEST, STAND_IN),
    "hash": (8, NEWEST, STAND_IN),
    "int flags": (8, 10, BARE + ": as combined flags"),
    "local": (8, NEWEST, STAND_IN),
    "match": (8, NEWEST, STAND_IN),
    "match of bytes": (8, NEWEST, STAND_IN),
    "no flags": (8, 10, BARE + ": as combined flags"),
    "regex flag": (8, NEWEST, BARE),
    "set iterator": (8, NEWEST, STAND_IN),
    "tee": (8, NEWEST, STAND_IN),
    "thread not started": (8, NEWEST, BARE),
    "type alias": (12, NEWEST, BARE),
    "type var": (8, NEWEST, BARE),
    "zone": (9, NEWEST, BARE),
}


def test_catalogue(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "catalogue.py", tmp_path)
    found = rebuild(python, python_package, "catalogue", captured.path)["result"]
    different = {name: what for name, what in found.items() if what}
    expected = {name for name, (first, last, _) in OTHERWISE.items() if first <= python.minor <= last}
    wrong = {name: what for name, what in different.items() if name not in expected}
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    # What has become right is to be struck out above.
    assert set(different) == expected
    assert len(found) >= 350
