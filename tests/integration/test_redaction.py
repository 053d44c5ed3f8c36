"""Secrets are not in the file, not in any view of it, and what is beside them is."""

from __future__ import annotations

from pathlib import Path

from support_py.interpreters import Interpreter
from support_py.records import plain_bytes
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


TOLD = [
    "password", "url", "json_text", "form", "connection", "request", "repeated", "in_bytes", "in_array", "in_view",
    "in_bytes_io", "in_string_io", "in_wide_string_io",
]  # fmt: skip
KINDS = ("literal", "env", "list", "url", "json", "form", "option", "dsn", "header", "pair")


def test_secrets_within_texts(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "secrets_program.py", tmp_path, arguments=["--token", "argv-s3cret-9"])
    values = captured.frame("told")["locals"]
    for name in TOLD:
        assert (values[name]["absent"] or "").startswith("redacted"), f"{name}: {values[name]}"
    for name in "plain_url", "speech", "signature", "documentation":
        assert values[name]["absent"] is None and "visible" in values[name]["repr"], f"{name}: {values[name]}"
    for name in "environment", "environment_list", "options", "in_key", "in_error":
        assert "<redacted" in values[name]["repr"], f"{name}: {values[name]['repr']}"
    assert "'HOME_DIRECTORY': 'visible-home'" in values["environment"]["repr"]
    assert values["names"]["repr"] == "{'visible_slot': 1, 'visible_field': 2, 'HOME_DIRECTORY': 3}"
    assert values["cookie_name"]["absent"] is not None
    assert values["sessions"]["repr"] == "{'visible_session': 'Optional[Visible]'}"
    assert values["directory"]["absent"] is None
    assert values["modules"]["repr"] == "{'Cookie': <redacted str>}"
    assert values["module_names"]["repr"] == "{'visible.cookies': True}"
    assert values["pairs"]["repr"] == "[('Authorization', <redacted str>), ('Accept', 'visible-accept')]"
    assert values["pair_of_word"]["repr"] == "('token', <redacted str>)" and values["word"]["absent"] is not None
    assert "visible-editor" in values["environment_list"]["repr"]

    plain = plain_bytes(captured.path)
    assert b"visible-home" in plain and b"def told():" in plain
    assert b'module_names = {sys.intern("visible.cookies"): True}' in plain  # in the source
    assert b"VisibleAnnotation[1]" in plain and b"VisibleAnnotation[2]" in plain
    for kind in (*KINDS, "argv"):
        for encoding in "utf-8", "utf-16-le", "utf-32-le":
            assert f"{kind}-s3cret-9".encode(encoding) not in plain, f"{kind} in {encoding}"
    assert b"nevershownword" not in plain
    assert "--token <redacted>" in run_tool(pysnap_binary, "show", captured.path).stdout.decode()
    # It is said that the source is not as it was.
    problems = [problem["where"] for problem in captured.view["capture"]["problems"]]
    assert f"source {PROGRAMS / 'secrets_program.py'}" in problems

    open_file = capture(pysnap_binary, python, "secrets_program.py", tmp_path, ["--no-redact"])
    plain = plain_bytes(open_file.path)
    assert all(f"{kind}-s3cret-9".encode() in plain for kind in KINDS)


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
