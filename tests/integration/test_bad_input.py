"""Whatever is wrong with the command line, the process or the file: the contract's exit code and one line on stderr."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from support_py.interpreters import find_interpreters
from support_py.target import Target, run_tool


def check_error(result: subprocess.CompletedProcess[bytes]) -> None:
    lines = result.stderr.decode().splitlines()
    assert lines and lines[0].startswith("pysnap: "), lines
    assert lines[0].count(": ") >= 1, lines
    assert len(lines) <= 2, f"more than a line, and one of advice: {lines}"


@pytest.fixture(scope="module")
def snapshot(pysnap_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "good.pb"
    with Target(find_interpreters()[0], "shadowed_cell.py") as target:
        run_tool(pysnap_binary, "attach", "-o", path, target.pid)
        target.finish()
    return path


USAGE = [
    [],
    ["no-such-command"],
    ["attach"],
    ["attach", "not-a-number"],
    ["attach", "0"],
    ["attach", "-5"],
    ["attach", "--max-objects", "many", "1"],
    ["attach", "--pause", "sometimes", "1"],
    ["attach", "--no-such-option", "1"],
    ["attach", "--redact", "(", "1"],
    ["attach", "1", "2"],
    ["show"],
    ["show", "--max-repr", "x", "file"],
    ["show", "--color", "mauve", "file"],
    ["replay"],
    ["peek"],
]


@pytest.mark.parametrize("arguments", USAGE, ids=[" ".join(arguments) or "nothing" for arguments in USAGE])
def test_usage(pysnap_binary: Path, arguments: list[str]) -> None:
    check_error(run_tool(pysnap_binary, *arguments, expect=2))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["attach", "--help"], ["show", "--help"]])
def test_help(pysnap_binary: Path, arguments: list[str]) -> None:
    result = run_tool(pysnap_binary, *arguments)
    assert result.stdout and not result.stderr


@pytest.fixture
def gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_no_such_process(pysnap_binary: Path, tmp_path: Path, gone: int) -> None:
    check_error(run_tool(pysnap_binary, "attach", "-o", tmp_path, gone, expect=5))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


def test_not_python(pysnap_binary: Path, tmp_path: Path, sleeping: subprocess.Popen[bytes]) -> None:
    check_error(run_tool(pysnap_binary, "attach", "-o", tmp_path, sleeping.pid, expect=4))
    assert not list(tmp_path.iterdir())
    assert sleeping.poll() is None


def test_zombie(pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    result = subprocess.run([pysnap_binary, "attach", "-o", tmp_path, str(process.pid)], capture_output=True)
    assert result.returncode in (4, 5)
    check_error(result)
    process.wait()


def test_unwritable(pysnap_binary: Path, tmp_path: Path) -> None:
    with Target(find_interpreters()[0], "shadowed_cell.py") as target:
        check_error(run_tool(pysnap_binary, "attach", "-o", tmp_path / "no" / "such" / "x.pb", target.pid, expect=6))
        check_error(run_tool(pysnap_binary, "attach", "-o", "/proc/x.pb", target.pid, expect=6))
        check_error(run_tool(pysnap_binary, "attach", "-o", "/dev/full/x.pb", target.pid, expect=6))
        target.finish()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["show", "peek", "replay"])
def test_no_such_file(pysnap_binary: Path, tmp_path: Path, command: str) -> None:
    check_error(run_tool(pysnap_binary, command, tmp_path / "none.pb", expect=5))


def damaged_files(folder: Path, good: bytes) -> Iterator[Path]:
    randomness = random.Random(5)
    contents = {
        "empty": b"",
        "text": b"this is not a snapshot\n" * 100,
        "zeros": bytes(10000),
        "random": bytes(randomness.randrange(256) for _ in range(10000)),
        "elf": Path("/bin/true").read_bytes()[:20000],
    }
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        yield path


@pytest.mark.parametrize("command", ["show", "peek", "replay"])
def test_not_a_snapshot(pysnap_binary: Path, tmp_path: Path, snapshot: Path, command: str) -> None:
    for path in damaged_files(tmp_path, snapshot.read_bytes()):
        arguments = [command, "-c", "where", path] if command == "replay" else [command, path]
        check_error(run_tool(pysnap_binary, *arguments, expect=7))


def test_truncated(pysnap_binary: Path, tmp_path: Path, snapshot: Path) -> None:
    """The readable prefix is shown and said to be incomplete, or it is refused; never a crash."""
    good = snapshot.read_bytes()
    for size in sorted({len(good) * part // 23 for part in range(1, 23)} | {len(good) - 1, 1, 2, 10}):
        path = tmp_path / "cut.pb"
        path.write_bytes(good[:size])
        for command in (["show", "--json"], ["show"], ["peek"]):
            result = subprocess.run([pysnap_binary, *command, path], capture_output=True, timeout=60)
            assert result.returncode in (0, 7), f"{command} of {size} bytes: {result.returncode} {result.stderr!r}"
            if result.returncode == 7:
                check_error(result)
            else:
                assert b"incomplete" in result.stdout + result.stderr or b'"complete":false' in result.stdout.replace(
                    b" ", b""
                ), f"{command} of {size} bytes does not say that it is incomplete"


def test_flipped_bytes(pysnap_binary: Path, tmp_path: Path, snapshot: Path) -> None:
    good = snapshot.read_bytes()
    randomness = random.Random(7)
    for _ in range(150):
        damaged = bytearray(good)
        for _ in range(randomness.choice([1, 5, 50])):
            damaged[randomness.randrange(len(damaged))] = randomness.randrange(256)
        path = tmp_path / "flipped.pb"
        path.write_bytes(damaged)
        result = subprocess.run([pysnap_binary, "show", "--json", path], capture_output=True, timeout=60)
        assert result.returncode in (0, 7), f"{result.returncode}: {result.stderr!r}"


def test_peek(pysnap_binary: Path, tmp_path: Path, snapshot: Path) -> None:
    shutil.copy(snapshot, tmp_path / "one.pb")
    shutil.copy(snapshot, tmp_path / "two.pb")
    lines = run_tool(pysnap_binary, "peek", tmp_path).stdout.decode().splitlines()
    assert len(lines) == 2
    assert "one.pb" in lines[0] and "two.pb" in lines[1]


def test_target_goes_on_when_interrupted(pysnap_binary: Path, tmp_path: Path) -> None:
    """Ctrl-C during an attach leaves neither a stopped target nor a file."""
    with Target(find_interpreters()[0], "values.py") as target:
        for _ in range(10):
            process = subprocess.Popen(
                [pysnap_binary, "attach", "-o", tmp_path, str(target.pid)], stderr=subprocess.DEVNULL
            )
            process.send_signal(signal.SIGINT)
            process.wait(60)
        target.finish()
    assert all(path.suffix == ".pb" for path in tmp_path.iterdir()), list(tmp_path.iterdir())
