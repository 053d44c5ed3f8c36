"""Programs of tests/programs, run under an interpreter, captured, and asked for their oracle."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, List, Optional, Sequence, Type

from .interpreters import Interpreter

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"


class ProgramFailed(AssertionError):
    """The target itself did not do what it should."""


class Target:
    """One running test program; see tests/programs/oracle.py for the handshake."""

    def __init__(
        self, python: Interpreter, program: str, arguments: Sequence[str] = (), python_path: Optional[Path] = None
    ) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        if python_path is not None:
            environment["PYTHONPATH"] = str(python_path)
        self.process = subprocess.Popen(
            [python.path, str(PROGRAMS / program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=PROGRAMS,
        )
        # What it says when it is ready.
        self.ready = self._line()
        self.pid: int = self.ready["pid"]

    def _line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate()
            raise ProgramFailed(f"the program ended with {self.process.returncode}:\n{errors.decode()[-4000:]}")
        return json.loads(line)

    def finish(self) -> Any:
        """Tells the program to end; returns its oracle once it has ended as it should."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        oracle = self._line()
        oracle["done"] = self._line()["done"]
        _, errors = self.process.communicate()
        if self.process.returncode != 0:
            raise ProgramFailed(f"the program ended with {self.process.returncode}:\n{errors.decode()[-4000:]}")
        return oracle

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def run_tool(binary: Path, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Runs pysnap; fails when it does not exit with `expect`."""
    command = [str(binary), *map(str, arguments)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    assert result.returncode == expect, (
        f"{' '.join(command)}: exit code {result.returncode}, not {expect}\n{result.stderr.decode(errors='replace')}"
    )
    return result


@dataclass
class Captured:
    """A snapshot, what `pysnap show --json` says of it, and what is true."""

    path: Path
    view: Any
    oracle: Any
    attach: subprocess.CompletedProcess[bytes]

    def thread(self, name: str) -> Any:
        found = [thread for thread in self.view["threads"] if thread["name"] == name]
        assert len(found) == 1, f"{len(found)} threads named {name!r}"
        return found[0]

    def frame(self, function: str) -> Any:
        found = [
            frame for thread in self.view["threads"] for frame in thread["frames"] if frame["function"] == function
        ]
        assert found, f"no frame of {function!r}"
        return found[-1]


def show_json(binary: Path, path: Path, *options: object) -> Any:
    return json.loads(run_tool(binary, "show", "--json", "--max-repr", 0, *options, path).stdout)


def capture(
    binary: Path,
    python: Interpreter,
    program: str,
    folder: Path,
    options: Sequence[object] = (),
    arguments: Sequence[str] = (),
    python_path: Optional[Path] = None,
) -> Captured:
    """Runs `program`, attaches to it when it is parked, and lets it end."""
    path = folder / f"{Path(program).stem}.pb"
    with Target(python, program, arguments, python_path) as target:
        attach = run_tool(binary, "attach", *options, "-o", path, target.pid)
        oracle = target.finish()
    return Captured(path, show_json(binary, path), oracle, attach)


def report(differences: List[str], limit: int = 40) -> str:
    text = "\n".join(differences[:limit])
    more = f"\n… and {len(differences) - limit} more" if len(differences) > limit else ""
    return f"{len(differences)} differences\n{text}{more}"
