"""Every value of catalogue.py is replayed as the one that it was, but for those that are named here."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import Dict, Tuple

import pytest
from support_py.interpreters import Interpreter, find_interpreters
from support_py.rebuild import masked, rebuild
from support_py.target import capture, run_tool

NEWEST = 99
STAND_IN = "a stand-in with what is known of it"
BARE = "rebuilt, but shown as an object of any class is"

# Name: the first and the last minor version, and what it is instead.
OTHERWISE: Dict[str, Tuple[int, int, str]] = {
    "ast": (14, NEWEST, BARE),
    "cycle begun": (14, NEWEST, STAND_IN + ": this version cannot make one that has begun"),
    "decimal context": (8, NEWEST, STAND_IN),
    "file by its descriptor": (8, NEWEST, STAND_IN),
    "file closed": (8, NEWEST, STAND_IN),
    "file for both": (8, NEWEST, STAND_IN),
    "file of bytes": (8, NEWEST, STAND_IN),
    "file of latin text": (8, NEWEST, STAND_IN),
    "file of text": (8, NEWEST, STAND_IN),
    "file read from": (8, NEWEST, STAND_IN),
    "file to be written": (8, NEWEST, STAND_IN),
    "file without a buffer": (8, NEWEST, STAND_IN),
    "future done": (8, NEWEST, BARE),
    "future failed": (8, NEWEST, BARE),
    "future pending": (8, NEWEST, BARE),
    "generic class": (8, NEWEST, "its type variable is not equal to another one"),
    "hash": (8, NEWEST, STAND_IN),
    "local": (8, NEWEST, STAND_IN),
    "match": (8, NEWEST, STAND_IN),
    "match of bytes": (8, NEWEST, STAND_IN),
    "match of groups": (8, NEWEST, STAND_IN),
    **dict.fromkeys(
        ("module spec", "module spec of package"),
        (8, NEWEST, "its loader is one that gives the sources in the snapshot"),
    ),
    "regex flag": (8, NEWEST, BARE),
    **dict.fromkeys(
        ("socket", "socket closed", "socket in C", "socket of a pair", "socket of a path", "socket of no path"),
        (8, NEWEST, STAND_IN),
    ),
    **dict.fromkeys(
        ("socket of netlink", "socket of udp", "socket that listens", "sockets connected"), (8, NEWEST, STAND_IN)
    ),
    "thread not started": (8, NEWEST, BARE),
    "type alias": (12, NEWEST, BARE),
    "param spec": (10, NEWEST, BARE),
    "type var": (8, NEWEST, BARE),
    "type var tuple": (11, NEWEST, BARE),
}


# Of types of Python itself, what `show` writes as object.__repr__() does, and not as the type: the first and the last
# minor version.
SHOWN_BARE: Dict[str, Tuple[int, int]] = {
    **dict.fromkeys(("decimal context", "hash"), (8, NEWEST)),
    "any": (11, NEWEST),
    "super object in C": (9, 9),
    **dict.fromkeys(("keyword only dataclass", "slotted dataclass"), (10, 11)),
    "ast": (14, NEWEST),
}


def test_table(python: Interpreter) -> None:
    """docs/types.md is that of today."""
    if python is not find_interpreters()[-1]:
        pytest.skip("it is made by the newest")
    script = Path(__file__).parents[2] / "scripts" / "gen_types.py"
    subprocess.run([python.path, str(script), "--check"], check=True)


def test_shown(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "catalogue.py", tmp_path)
    result = run_tool(pysnap_binary, "show", "--json", "--max-repr", "0", captured.path)
    frames = [frame for thread in json.loads(result.stdout)["threads"] for frame in thread["frames"]]
    (names,) = [frame["locals"] for frame in frames if frame["function"] == "catalogue"]
    values = names["held"]["attributes"]
    live = ast.literal_eval(names["shown"]["repr"])
    assert list(values) == list(live)
    expected = {name for name, (first, last) in SHOWN_BARE.items() if first <= python.minor <= last}
    different = {
        name: (value["repr"], live[name])
        for name, value in values.items()
        if "catalogue." not in value["type"] + value["repr"] and masked(value["repr"]) != masked(live[name])
    }
    wrong = {name: what for name, what in different.items() if name not in expected}
    assert not wrong, "\n".join(f"{name}: {shown[:200]} not {want[:200]}" for name, (shown, want) in wrong.items())
    assert set(different) == expected
    for name in expected - {"any"}:  # a class, from 3.11 on
        assert values[name]["repr"] == f"<{values[name]['type']} object at {values[name]['id']}>"


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
