"""Values that have not been shown in the program when it is captured: some keep their text only then."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.target import run_tool, show_json

# What its values look like it says after it was captured.
PROGRAM = """
import collections, concurrent.futures, ipaddress, operator, pathlib, re, sys, threading, typing

def held():
    relative = pathlib.Path("a", "b//c/./d")
    absolute = pathlib.PurePosixPath("x", "/y", "z/")
    two_slashes = pathlib.PurePosixPath("//host/share")
    three_slashes = pathlib.PurePosixPath("///y")
    empty = pathlib.PurePosixPath()
    parent = pathlib.PurePosixPath("a/b/c").parent
    below = pathlib.PurePosixPath("/") / "etc" / "../x"
    zeros = ipaddress.ip_address("::")
    inner = ipaddress.ip_address("1:0:0:2:0:0:0:3")
    single = ipaddress.ip_address("1:0:2:3:4:5:6:7")
    last = ipaddress.ip_network("fe80::/10")
    host = ipaddress.ip_interface("255.255.255.255/32")
    nested = typing.Dict[str, typing.List[typing.Tuple[int, ...]]]
    anything = typing.Callable[..., typing.Optional[int]]
    three = typing.Callable[[int, str], None]
    union = typing.Union[int, str, None]
    bare = typing.List
    flags = re.IGNORECASE | re.MULTILINE if sys.version_info >= (3, 11) else re.DOTALL
    getter = operator.attrgetter("a", "b.c")
    caller = operator.methodcaller("f", 1, key=[2])
    running = concurrent.futures.Future()
    running.set_running_or_notify_cancel()
    cancelled = concurrent.futures.Future()
    cancelled.cancel()
    condition = threading.Condition(threading.Lock())
    chained = collections.ChainMap({1: 2}, collections.UserDict(a=collections.UserList("ab")))
    print("ready", flush=True)
    sys.stdin.readline()
    print({name: repr(value) for name, value in locals().items()})

held()
"""


def test_shown_as_the_program_would(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [python.path, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        path = tmp_path / "snap.pb"
        run_tool(pysnap_binary, "attach", "-o", path, process.pid)
        said, _ = process.communicate("\n", timeout=60)
    finally:
        process.kill()
        process.wait()
    live = ast.literal_eval(said)
    [frame] = [
        frame
        for thread in show_json(pysnap_binary, path)["threads"]
        for frame in thread["frames"]
        if frame["function"] == "held"
    ]
    shown = {name: value["repr"] for name, value in frame["locals"].items()}
    wrong = {name: (shown.get(name), text) for name, text in live.items() if shown.get(name) != text}
    assert not wrong and len(live) >= 24, wrong
