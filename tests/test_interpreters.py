"""The list of interpreters is what it says: each runs, and is the version and build that it is listed as."""

from __future__ import annotations

import json
import subprocess

from support_py.interpreters import Interpreter

ASK = """
import json, os, sys
print(json.dumps([list(sys.version_info[:3]), hasattr(sys, "gettotalrefcount"), os.getpid(), os.getcwd()]))
"""


def test_is_what_it_is_listed_as(python: Interpreter) -> None:
    process = subprocess.Popen([python.path, "-I", "-c", ASK], stdout=subprocess.PIPE, cwd="/tmp")
    version, debug, pid, cwd = json.loads(process.communicate()[0])
    assert process.returncode == 0
    assert ".".join(map(str, version)) == python.version
    assert debug == python.debug
    assert pid == process.pid, "the command must become the interpreter, not start it as a child"
    assert cwd == "/tmp"
