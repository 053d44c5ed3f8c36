"""The target never notices: not an attach, not one that is killed on the way, and nothing of it is left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from support_py.interpreters import Interpreter, rounds

PROGRAM = Path(__file__).parent.parent / "programs" / "self_checking.py"
EXIT_CODE = 42
# How often an attach is killed, for each interpreter.
KILL_ROUNDS = int(os.environ.get("PYSNAP_KILL_ROUNDS", "60"))


class SelfChecking:
    """tests/programs/self_checking.py, running."""

    def __init__(self, python: Interpreter) -> None:
        self.process = subprocess.Popen(
            [python.path, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
        )
        assert self._line() == "ready\n"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    @property
    def pid(self) -> int:
        return self.process.pid

    def check_that_all_goes_on(self) -> None:
        """Returns when every thread of it has done something since the last call."""
        assert self.process.stdin is not None
        self.process.stdin.write("ping\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        assert answer["failures"] == []

    def check_that_nobody_is_stopped(self) -> None:
        for status in self._statuses():
            assert status.get("TracerPid", "0") == "0", status
            assert status.get("State", "S")[0] not in "tT", status

    def traced(self) -> bool:
        return any(status.get("TracerPid", "0") != "0" for status in self._statuses())

    def _statuses(self) -> Iterator[dict[str, str]]:
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                lines = (task / "status").read_text().splitlines()
            except OSError:
                continue  # a thread that ended meanwhile
            yield {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def check_result(self) -> None:
        """Lets it end; it has to end with its own result."""
        output, _ = self.process.communicate(timeout=120)
        assert json.loads(output)["failures"] == []
        assert self.process.returncode == EXIT_CODE


@pytest.fixture
def program(python: Interpreter) -> Iterator[SelfChecking]:
    running = SelfChecking(python)
    yield running
    running.process.kill()
    running.process.wait()


def attach(pysnap_binary: Path, pid: int, output: Path, *options: str) -> list[str]:
    return [str(pysnap_binary), "attach", "--quiet", *options, "-o", str(output), str(pid)]


@pytest.mark.parametrize("pause", ["stop", "fork", "none"])
def test_attach(program: SelfChecking, pysnap_binary: Path, tmp_path: Path, pause: str) -> None:
    for i in range(10):
        result = subprocess.run(
            attach(pysnap_binary, program.pid, tmp_path / f"{i}.pb", "--pause", pause), stderr=subprocess.PIPE
        )
        assert (result.returncode, result.stderr) == (0, b"")
        program.check_that_nobody_is_stopped()
        program.check_that_all_goes_on()
    program.check_result()


def test_killed_attach(python: Interpreter, program: SelfChecking, pysnap_binary: Path, tmp_path: Path) -> None:
    """kill -9 at a random instant, from the start of pysnap to the end of its pause and beyond."""
    rng = random.Random(program.pid)
    begin = time.monotonic()
    subprocess.run(attach(pysnap_binary, program.pid, tmp_path / "whole.pb"), check=True)
    whole = time.monotonic() - begin
    traced = killed = 0
    kill_rounds = rounds(python, KILL_ROUNDS)
    for i in range(kill_rounds):
        pysnap = subprocess.Popen(attach(pysnap_binary, program.pid, tmp_path / "killed.pb"))
        if i % 2:
            # Soon after it has attached: few instants chosen blindly are.
            while not program.traced() and pysnap.poll() is None:
                pass
            deadline = time.monotonic() + rng.random() * 0.003
        else:
            deadline = time.monotonic() + rng.random() * whole
        while time.monotonic() < deadline and pysnap.poll() is None:
            pass
        traced += program.traced()
        pysnap.kill()
        killed += pysnap.wait() == -signal.SIGKILL
        program.check_that_nobody_is_stopped()
        if i % 10 == 0:
            program.check_that_all_goes_on()
    program.check_that_all_goes_on()
    program.check_result()
    assert killed > kill_rounds / 3
    assert traced > 0
    # No file of a killed attach pretends to be whole.
    left = {path.name for path in tmp_path.iterdir()} - {"whole.pb", "killed.pb"}
    assert not any(name.endswith(".pb") for name in left), left


# Executes itself, again and again, with something to do between: for longer than it takes to open it.
AGAIN = """\
import os, sys
sum(range(2_000_000))
os.execv(sys.executable, [sys.executable, "-S", "-E", "-c", sys.argv[1], sys.argv[1]])
"""
NOT_PYTHON = 4


def test_executes_another_program_meanwhile(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([python.path, "-S", "-E", "-c", AGAIN, AGAIN])
    try:
        for _ in range(20):
            result = subprocess.run(
                attach(pysnap_binary, process.pid, tmp_path / "snap.pb"), capture_output=True, text=True
            )
            # Where there is no interpreter yet, that is the answer.
            assert result.returncode == 0 or (result.returncode == NOT_PYTHON and "CPython" in result.stderr), (
                result.stderr
            )
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
