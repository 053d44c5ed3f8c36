"""What the kernel knows of the files and sockets that a program has open, in its snapshots."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Dict

import pytest
from support_py.interpreters import Interpreter
from support_py.target import run_tool, show_json
from support_py.watching import watched

# It says what it has when it has it, and then waits, or dies.
PROGRAM = """
import os, socket, sys

def work(port, crash):
    raw = open("/proc/self/exe", "rb", buffering=0)
    raw.read(5)
    beneath = open("/proc/self/exe", "rb", buffering=0)
    os.close(beneath.fileno())
    other = socket.socket()
    os.dup2(raw.fileno(), other.fileno())
    peer = socket.create_connection(("127.0.0.1", port))
    print(peer.getsockname()[1], flush=True)
    if crash:
        1 / 0
    sys.stdin.readline()
    peer.close()
    sys.stdin.readline()
    os._exit(0)

work(int(sys.argv[1]), sys.argv[2] == "crash")
"""


def locals_of(pysnap_binary: Path, snapshot: Path) -> Dict[str, str]:
    shown = show_json(pysnap_binary, snapshot)
    stacks = [thread["frames"] for thread in shown["threads"]]
    if shown["exception"]:
        stacks.append(shown["exception"]["frames"])
    [found] = [frame for frames in stacks for frame in frames if frame["function"] == "work"]
    return {name: value["repr"] for name, value in found["locals"].items()}


def check(values: Dict[str, str], port: int, own_port: int) -> None:
    assert f"laddr=('127.0.0.1', {own_port}), raddr=('127.0.0.1', {port})>" in values["peer"]
    assert "laddr=<absent object: inconsistent: " in values["other"], values["other"]


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_attach(python: Interpreter, pysnap_binary: Path, tmp_path: Path, mode: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [python.path, "-c", PROGRAM, str(port), "wait"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdin and process.stdout
            own_port = int(process.stdout.readline())
            connection, _ = server.accept()
            snapshot = tmp_path / "snap.pb"
            run_tool(pysnap_binary, "attach", "--quiet", "--pause", mode, "-o", snapshot, process.pid)
            values = locals_of(pysnap_binary, snapshot)
            if mode == "stop":
                check(values, port, own_port)
            else:
                assert "laddr=<absent object: unsupported: the program ran on" in values["peer"], values["peer"]
            # Nobody else has the connection open: when the program closes it, it is closed.
            process.stdin.write("\n")
            process.stdin.flush()
            connection.settimeout(60)
            assert connection.recv(1) == b""
            connection.close()
            process.communicate("\n", timeout=60)
            assert process.returncode == 0
        finally:
            process.kill()
            process.communicate()


def test_on_crash(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "snap.pb"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [*watched(pysnap_binary, "-o", snapshot), python.path, "-c", PROGRAM, str(port)]
        result = subprocess.run([*command, "crash"], capture_output=True, text=True, timeout=120)
        assert result.returncode == 1 and "ZeroDivisionError" in result.stderr, result.stderr
        check(locals_of(pysnap_binary, snapshot), port, int(result.stdout))
