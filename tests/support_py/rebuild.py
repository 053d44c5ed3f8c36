"""Replays a snapshot in an interpreter of the matrix and compares it with the oracle."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

from .compare import cut, first_difference
from .interpreters import Interpreter
from .target import PROGRAMS

REPLAY = PROGRAMS.parent / "replay"
# What stands for values that cannot be alive here; it prints itself as the live one did.
STAND_INS = ("pysnap._absent.Suspended", "pysnap._absent.BuiltinFunction")


def python_environment(python_package: Path, *more: Path) -> Dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONPATH"] = os.pathsep.join(str(path) for path in (python_package, *more))
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


def run_script(python: Interpreter, python_package: Path, script: str, *arguments: object) -> bytes:
    """What a script of tests/replay prints under `python`, with pysnap and the test programs to import."""
    result = subprocess.run(
        [python.path, str(REPLAY / script), *map(str, arguments)],
        env=python_environment(python_package, PROGRAMS),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=200,
    )
    errors = result.stderr.decode(errors="replace")[-4000:]
    told = " ".join(map(str, (script, *arguments)))
    assert result.returncode == 0, f"{python.tag}: {told} ended with {result.returncode}\n{errors}"
    return result.stdout


def rebuild(python: Interpreter, python_package: Path, what: str, path: Path) -> Any:
    """What tests/replay/rebuilt.py tells of the snapshot at `path` under `python`."""
    return json.loads(run_script(python, python_package, "rebuilt.py", what, path))


def masked(text: str) -> str:
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)


def literal(text: str) -> Any:
    """The value of a str's, bytes' or bytearray's repr: what is printable and how it is quoted differs by version."""
    return ast.literal_eval(text[10:-1] if text.startswith("bytearray(") else text)


def tokens(text: str) -> List[str]:
    return sorted(re.split(r"[,{}()\[\] ]+", masked(text)))


class Rebuilt:
    """Compares rebuilt frames with live ones; `same_version` also asks for what only the same bytecode gives."""

    def __init__(self, same_version: bool, positions: bool) -> None:
        self.same_version = same_version
        self.positions = positions

    def value(self, where: str, have: Any, want: Any) -> Iterator[str]:
        if not want["required"]:
            return
        if have["type"] == "pysnap._absent.Absent" and want["repr"] == "[]" and want["type"] == "list":
            return  # it was being sorted: it is not empty, its items are elsewhere
        if have["type"] in STAND_INS:
            if want["type"] not in ("generator", "coroutine", "async_generator", "builtin_function_or_method"):
                yield f"{where}: a stand-in for {want['type']}"
            return
        if have["type"] != want["type"]:
            yield f"{where}: type {have['type']}, not {want['type']} ({cut(have['repr'], 120)})"
            return
        if want["type"] == "module":
            return  # a rebuilt module has no loader to be printed by
        if have["repr"] is None:
            return  # nested too deeply for this interpreter's repr()
        # The interpreter's own builtins stand for the captured ones.
        shown = have["repr"].replace("<module 'builtins' (built-in)>", "{<builtins>}")
        if not self.same_repr(shown, want):
            yield f"{where}: {first_difference(masked(shown), masked(want['repr']))}"
        if (have["contents"] is None) != (want["contents"] is None):
            yield f"{where}: contents {cut(have['contents'])}, not {cut(want['contents'])}"
        elif want["contents"] is not None and tokens(have["contents"]) != tokens(want["contents"]):
            yield f"{where}: contents {first_difference(have['contents'], want['contents'])}"
        if want["attributes"] is not None:
            for name, truth in want["attributes"].items():
                if name not in (have["attributes"] or {}):
                    yield f"{where}.{name}: missing"
                else:
                    yield from self.value(f"{where}.{name}", have["attributes"][name], truth)

    def same_repr(self, shown: str, want: Any) -> bool:
        if masked(shown) == masked(want["repr"]):
            return True
        if want["unordered"] and tokens(shown) == tokens(want["repr"]):
            return True
        if self.same_version:
            return False
        if want["type"] in ("str", "bytes", "bytearray"):
            return bool(literal(shown) == literal(want["repr"]))
        # 3.15 tells more of it (Objects/exceptions.c: ImportError_repr).
        names = ", name='module', path='/path')"
        return bool(want["type"] == "ImportError" and shown.replace(names, ")") == want["repr"].replace(names, ")"))

    def frame(self, where: str, have: Any, want: Any) -> Iterator[str]:
        if "error" in have:
            yield f"{where}: {have['error']}"
            return
        fields = ["function", "file", "line", "module"]
        if self.same_version:
            fields += ["qualname", "lasti"]
        if self.positions:
            fields += ["end_line", "column", "end_column"]
        for name in fields:
            if have[name] != want[name]:
                yield f"{where}: {name} {cut(have[name])}, not {cut(want[name])}"
        values, expected = dict(have["locals"]), dict(want["locals"])
        needed = [n for n in expected if want["optimized"] or n in want["names"] or n in want["hidden"]]
        for name in needed:
            if name not in values:
                yield f"{where}: {name} is missing"
            else:
                yield from self.value(f"{where}: {name}", values[name], expected[name])
        if want["optimized"]:
            for name in values:
                if name not in expected:
                    yield f"{where}: {name} is not a local"
            # Another version has its own order: from 3.11 on a celled argument stays among the arguments.
            in_order = [n for n, _ in have["locals"]] == [n for n, _ in want["locals"]]
            if self.same_version and set(values) == set(expected) and not in_order:
                yield f"{where}: order {list(values)}, not {list(expected)}"
            yield from self.identities(where, have["locals"], want["locals"])

    def identities(self, where: str, have: List[Any], want: List[Any]) -> Iterator[str]:
        """Locals that were one object are one object, and those that were not are not."""
        live, rebuilt = dict(want), dict(have)
        seen: Dict[str, str] = {}
        for name, value in live.items():
            if not value["required"] or name not in rebuilt:
                continue
            other = seen.setdefault(value["id"], name)
            if other in rebuilt and rebuilt[other]["id"] != rebuilt[name]["id"]:
                yield f"{where}: {name} and {other} were one object"

    def threads(self, have: List[Any], oracle: Any) -> List[str]:
        differences: List[str] = []
        by_id = {thread["native_id"]: thread for thread in have}
        for truth in oracle["threads"]:
            thread = by_id.get(truth["native_id"])
            where = f"[{truth['name']}]"
            if thread is None:
                differences.append(f"{where}: the thread is missing")
                continue
            if truth["is_main"]:
                continue
            if not thread["chained"]:
                differences.append(f"{where}: f_back does not lead through the frames")
            names = [frame["function"] for frame in thread["frames"]]
            expected = [frame["function"] for frame in truth["frames"]]
            if names != expected:
                differences.append(f"{where}: frames {cut(names)}, not {cut(expected)}")
                continue
            for number, (frame, want) in enumerate(zip(thread["frames"], truth["frames"])):
                differences += self.frame(f"{where}#{number} {cut(want['function'], 60)}", frame, want)
        return differences
