"""Secrets are not in the file, not in any view of it, and what is beside them is."""

from __future__ import annotations

from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.target import PROGRAMS, capture, run_tool

MARK = "pysnap-must-not-see-"
SECRET = [
    "password", "db_password", "PASSWD", "token", "access_token", "secret", "client_secret", "api_key", "apikey",
    "private_key", "authorization",
]  # fmt: skip


def test_names_that_look_secret(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "secrets_program.py", tmp_path)
    values = captured.frame("secrets")["locals"]
    for name in SECRET:
        assert values[name]["absent"] is not None, f"{name} was captured"
        assert values[name]["absent"].startswith("redacted"), f"{name}: {values[name]['absent']}"
        assert values[name]["repr"].startswith("<redacted"), f"{name}: {values[name]['repr']}"
    assert values["ordinary"]["repr"] == "'visible-local'"
    assert values["custom_field"]["repr"] == "'custom-value-for-redact'"
    assert values["secret_count"]["repr"] == "None"
    assert values["password_required"]["repr"] == "True"
    assert "'visible-key'" in values["settings"]["repr"]
    client = values["client"]["attributes"]
    assert client["user"]["repr"] == "'visible-user'"
    assert client["password"]["absent"].startswith("redacted")
    assert "'visible-header'" in client["headers"]["repr"]
    slotted = values["slotted"]["attributes"]
    assert slotted["host"]["repr"] == "'visible-host'"
    assert slotted["api_key"]["absent"].startswith("redacted")
    # What a function keeps under a secret name (in a cell, as a default) is shown nowhere.
    assert MARK not in values["held"]["repr"]
    assert MARK not in values["innocent"]["repr"]
    assert "'visible-item'" in values["innocent"]["repr"]
    shown = run_tool(pysnap_binary, "show", "--max-repr", 0, captured.path).stdout.decode()
    source = (PROGRAMS / "secrets_program.py").read_text()
    for line in shown.splitlines():
        if MARK in line:
            assert line.strip() in source, f"a secret is shown: {line}"


def test_redact_by_pattern(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    options = ["--redact", "custom_.*", "--redact", r"\d{4}-\d{4}"]
    captured = capture(pysnap_binary, python, "secrets_program.py", tmp_path, options)
    values = captured.frame("secrets")["locals"]
    assert values["custom_field"]["absent"].startswith("redacted")
    assert values["by_pattern"]["absent"].startswith("redacted")
    assert values["password"]["absent"].startswith("redacted")
    assert values["ordinary"]["repr"] == "'visible-local'"


def test_no_redact(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "secrets_program.py", tmp_path, ["--no-redact"])
    values = captured.frame("secrets")["locals"]
    assert values["password"]["repr"] == repr(MARK + "local")
    assert values["password"]["absent"] is None
    assert values["client"]["attributes"]["password"]["repr"] == repr(MARK + "attribute")
