"""Frames are told right wherever a thread is stopped: after each of many machine instructions."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support_py.attaching import ATTACHES, Attacher
from support_py.interpreters import Interpreter, is_newest, leave_to_full_run, rounds

PROGRAMS = Path(__file__).parent.parent / "programs"
INSTRUCTIONS = int(os.environ.get("PYSNAP_STEP_INSTRUCTIONS", "20000"))
# A round of the program in a debug build takes some fifteen times as many instructions.
DEBUG_FACTOR = 3
# Of builds that are not the newest release of their version.
FEWEST_INSTRUCTIONS = 20000


def test_frames_at_every_instruction(python: Interpreter, build_dir: Path) -> None:
    leave_to_full_run(python)
    program = subprocess.Popen(
        [python.path, str(PROGRAMS / "calls.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout and program.stdin
        assert program.stdout.readline() == "ready\n"
        count = INSTRUCTIONS if is_newest(python) else min(INSTRUCTIONS, FEWEST_INSTRUCTIONS)
        count *= DEBUG_FACTOR if python.debug else 1
        step = [str(build_dir / "bin" / "pysnap_step"), str(program.pid), str(count)]
        calls = 0
        # A stretch without a call shows nothing: some of what a round does takes more instructions than these.
        for _ in range(10):
            stepped = subprocess.run(step, capture_output=True, text=True, timeout=600)
            print(stepped.stdout)
            assert stepped.returncode == 0, stepped.stderr
            last = stepped.stdout.splitlines()[-1]
            numbers = {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", last)}
            assert numbers["instructions"] == count
            assert numbers["breaches"] == 0, stepped.stdout
            # Where they cannot be told, that is for a few instructions of each call from C.
            assert numbers["unavailable"] < count / 50
            calls += numbers["calls"]
            if calls > 0:
                break
        assert calls > 0
        program.stdin.close()
        assert program.wait(timeout=60) == 0
    finally:
        program.kill()
        program.wait()


def test_attach_in_the_middle_of_calls(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """A program that does nothing but call is stopped again when it was in a place where its frames cannot be told."""
    program = subprocess.Popen(
        [python.path, str(PROGRAMS / "calls.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout and program.stdin
        assert program.stdout.readline() == "ready\n"
        attacher = Attacher(pysnap_binary, tmp_path)
        for _ in range(rounds(python, ATTACHES)):
            snapshot = attacher.attach(program.pid)
            assert snapshot
            functions = [frame["function"] for frame in snapshot["threads"][0]["frames"]]
            assert functions[:2] == ["<module>", "main"]
        program.stdin.close()
        assert program.wait(timeout=60) == 0
    finally:
        program.kill()
        program.wait()
