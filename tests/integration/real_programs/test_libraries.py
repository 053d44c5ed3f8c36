"""A program of libraries from PyPI, with requests in flight, attached to again and again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_py.attaching import ATTACHES, Attacher, frames_of, read_until, start
from support_py.interpreters import Interpreter, leave_to_full_run, rounds
from support_py.packages import packages
from support_py.target import PROGRAMS

# An attach takes in tens of thousands of objects; the other real programs are attached to more often.
MOST_ATTACHES = 30
LIBRARIES = ["flask", "SQLAlchemy", "pydantic", "attrs", "numpy"]


@pytest.mark.timeout(600)
def test_requests_in_flight(python: Interpreter, attacher: Attacher, tmp_path: Path) -> None:
    """No problem that is not explained, and the handler's locals are what they are."""
    leave_to_full_run(python)
    folder = packages(python, "libraries", *LIBRARIES)
    environment = {"PYTHONPATH": str(folder), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    server = start(python, str(PROGRAMS / "library_server.py"), cwd=tmp_path, env=environment)
    try:
        assert server.stdin and server.stdout
        read_until(server.stdout, "ready")
        handlers = 0
        attaches = rounds(python, min(ATTACHES, MOST_ATTACHES))
        while attacher.log.attaches < attaches or (handlers == 0 and attacher.log.attaches < 20 * attaches):
            snapshot = attacher.attach(server.pid)
            assert snapshot
            for frame in frames_of(snapshot):
                if frame["function"] == "work" and frame["file"].endswith("library_server.py"):
                    handlers += 1
                    check(frame["locals"])
        assert handlers
        server.stdin.write("\n")
        server.stdin.flush()
        assert " right" in read_until(server.stdout, "right|total|Traceback")
        assert server.wait(timeout=60) == 0
    finally:
        server.kill()
        server.wait()


def check(values: dict[str, dict[str, object]]) -> None:
    """Those that are set, in the order in which they are."""
    shown = {name: value["repr"] for name, value in values.items()}
    number = int(str(shown["number"]))
    attributes = {
        name: {key: part["repr"] for key, part in (value["attributes"] or {}).items()}  # type: ignore[attr-defined]
        for name, value in values.items()
    }
    expected = {
        "array": "<numpy.ndarray 3x4 int64 [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]>",
        "rows": "<numpy.ndarray 2x4 int64 [[7, 6, 5, 4], [11, 10, 9, 8]]>",
        "total": "4.0",
        "counter": str(number * 10),
    }
    for name, text in expected.items():
        assert shown.get(name, text) == text
    if "point" in values:
        assert attributes["point"] == {"x": str(number), "y": "7"}
    if "item" in values:
        want = {"name": "'teapot'", "price": "Decimal('12.50')", "tags": "['a', 'b']"}
        assert {name: attributes["item"].get(name) for name in want} == want
        assert attributes["item"]["when"] == "datetime.datetime(2024, 1, 2, 3, 4, 5)"
