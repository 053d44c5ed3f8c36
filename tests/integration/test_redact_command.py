"""`pysnap redact` takes out of a snapshot what would not have been recorded with the same rules."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support_py.interpreters import Interpreter, find_interpreters
from support_py.records import plain_bytes
from support_py.target import capture, run_tool, show_json

KINDS = ("literal", "env", "list", "url", "json", "form", "option", "dsn", "header", "pair", "argv")


def secrets_of(view: object) -> list[str]:
    """The values of a snapshot that are redacted, by where they are."""
    found = []
    pending = [("", view)]
    while pending:
        where, value = pending.pop()
        if isinstance(value, dict):
            if str(value.get("absent") or "").startswith("redacted"):
                found.append(where)
            pending += [(f"{where}.{key}", part) for key, part in value.items()]
        elif isinstance(value, list):
            pending += [(f"{where}[{index}]", part) for index, part in enumerate(value)]
    return sorted(found)


def test_what_a_capture_would_not_have_recorded(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    arguments = ["--token", "argv-s3cret-9"]
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").mkdir()
    whole = capture(pysnap_binary, python, "secrets_program.py", tmp_path / "open", ["--no-redact"], arguments)
    closed = capture(pysnap_binary, python, "secrets_program.py", tmp_path / "closed", (), arguments)
    before = whole.path.read_bytes()
    assert all(f"{kind}-s3cret-9".encode() in plain_bytes(whole.path) for kind in KINDS)

    redacted = tmp_path / "redacted.pb"
    said = run_tool(pysnap_binary, "redact", whole.path, "-o", redacted).stderr.decode()
    assert said.startswith(f"pysnap: wrote {redacted}: ") and said.endswith(" more values redacted\n")
    assert whole.path.read_bytes() == before
    plain = plain_bytes(redacted)
    assert b"visible-home" in plain
    assert b"VisibleAnnotation[1]" in plain and b"VisibleAnnotation[2]" in plain
    for kind in KINDS:
        for encoding in "utf-8", "utf-16-le", "utf-32-le":
            assert f"{kind}-s3cret-9".encode(encoding) not in plain, f"{kind} in {encoding}"
    assert b"nevershownword" not in plain
    # Frame by frame what the same rules leave out when they are applied to the program.
    for function in "secrets", "told":
        expected, found = closed.frame(function)["locals"], None
        for thread in show_json(pysnap_binary, redacted)["threads"]:
            for frame in thread["frames"]:
                found = frame["locals"] if frame["function"] == function else found
        assert found is not None
        assert secrets_of(found) == secrets_of(expected)
        for name, value in expected.items():
            if not value["absent"] and "0x" not in value["repr"]:
                assert found[name]["repr"] == value["repr"], name

    # Nothing is left to do.
    again = run_tool(pysnap_binary, "redact", redacted).stderr.decode()
    assert again.endswith(": 0 more values redacted\n")


def test_further_rules(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "secrets_program.py", tmp_path)
    assert b"custom-value-for-redact" in plain_bytes(captured.path)
    run_tool(pysnap_binary, "redact", "--quiet", "--redact", "^custom_", "--redact", r"\d{4}-\d{4}", captured.path)
    values = next(
        frame["locals"]
        for thread in show_json(pysnap_binary, captured.path)["threads"]
        for frame in thread["frames"]
        if frame["function"] == "secrets"
    )
    assert values["custom_field"]["absent"].startswith("redacted")
    assert values["by_pattern"]["absent"].startswith("redacted")
    assert values["ordinary"]["repr"] == "'visible-local'"
    assert b"custom-value-for-redact" not in plain_bytes(captured.path)


def test_bad_input(pysnap_binary: Path, tmp_path: Path, shared_snapshot: Path) -> None:
    def fails(code: int, *arguments: object) -> None:
        said = run_tool(pysnap_binary, "redact", *arguments, expect=code).stderr.decode()
        assert said.startswith("pysnap: ") and said.count("\n") == 1, said

    whole = shared_snapshot.read_bytes()
    fails(2, "--redact", "(", shared_snapshot)
    fails(5, tmp_path / "none.pb")
    fails(6, shared_snapshot, "-o", tmp_path / "none" / "x.pb")
    cut = tmp_path / "cut.pb"
    cut.write_bytes(whole[: len(whole) // 2])
    fails(7, cut)
    assert cut.read_bytes() == whole[: len(whole) // 2]
    random = tmp_path / "random.pb"
    random.write_bytes(os.urandom(1000))
    fails(7, random)


@pytest.fixture
def shared_snapshot(tmp_path: Path, pysnap_binary: Path) -> Path:
    return capture(pysnap_binary, find_interpreters()[0], "secrets_program.py", tmp_path).path
