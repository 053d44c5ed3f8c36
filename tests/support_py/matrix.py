"""The matrix of version x build x result that ends every test run, with the required builds that did not run."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .interpreters import ROOT, find_interpreters
from .table import table

REQUIRED = ROOT / "tests" / "required-builds.txt"
LINE = re.compile(r"(?P<struck>~\s*)?3\.(?P<minor>\d+)\s+(?P<build>release|debug)(:\s*(?P<reason>.*))?$")


@dataclass(frozen=True)
class Requirement:
    """One line of tests/required-builds.txt."""

    minor: int
    build: str
    struck: bool
    reason: str

    @property
    def name(self) -> str:
        return f"3.{self.minor} {self.build}"


def read_requirements(path: Path = REQUIRED) -> list[Requirement]:
    """Reads the list; raises ValueError for a line that is neither a build nor a comment."""
    result = []
    for line in path.read_text().splitlines():
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        match = LINE.match(text)
        if not match or bool(match["struck"]) != bool(match["reason"]):
            raise ValueError(f"{path}: not a build: {line!r} (a struck-out one needs its reason)")
        result.append(Requirement(int(match["minor"]), match["build"], bool(match["struck"]), match["reason"] or ""))
    return result


@dataclass
class Row:
    minor: int
    build: str
    name: str
    counts: Counter[str] = field(default_factory=Counter)
    note: str = ""

    @property
    def result(self) -> str:
        if self.note:
            return self.note
        if self.counts["failed"]:
            return "FAILED"
        return "passed" if self.counts["passed"] else "did not run"


class Matrix:
    """A pytest plugin that counts results by interpreter."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._counts: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        tag = dict(report.user_properties).get("python")
        if not isinstance(tag, str):
            return
        counts = self._counts.setdefault(tag, Counter())
        if report.when == "call" and report.passed:
            counts["passed"] += 1
        elif report.failed:
            counts["failed"] += 1
        elif report.skipped:
            counts["skipped"] += 1

    def rows(self) -> list[Row]:
        """Every interpreter found, and every listed build that none of them is."""
        found = find_interpreters()
        result = [Row(p.minor, p.build, p.tag, self._counts.get(p.tag, Counter())) for p in found]
        present = {(p.minor, p.build) for p in found}
        for requirement in read_requirements():
            if (requirement.minor, requirement.build) not in present:
                note = f"struck out: {requirement.reason}" if requirement.struck else "MISSING"
                result.append(Row(requirement.minor, requirement.build, "-", note=note))
        return sorted(result, key=lambda row: (row.minor, row.build == "debug", row.name))

    def not_run(self) -> list[str]:
        """The required builds of which no interpreter passed or failed a single test."""
        ran = {
            (p.minor, p.build)
            for p in find_interpreters()
            if self._counts.get(p.tag, Counter())["passed"] + self._counts.get(p.tag, Counter())["failed"]
        }
        return [r.name for r in read_requirements() if not r.struck and (r.minor, r.build) not in ran]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._config.getoption("--require-builds") and self.not_run() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._counts:
            return
        matrix = {
            "rows": [
                {"version": f"3.{r.minor}", "build": r.build, "name": r.name, "result": r.result, **r.counts}
                for r in self.rows()
            ],
            "required_but_not_run": self.not_run() if self._config.getoption("--require-builds") else [],
        }
        terminalreporter.section("CPython versions and builds")
        for line in table(matrix):
            terminalreporter.write_line(line, red="FAILED" in line or "MISSING" in line or line.startswith("required"))
        self._write(matrix)

    def _write(self, matrix: dict[str, Any]) -> None:
        path = Path(self._config.getoption("--build-dir")) / "test-matrix.json"
        try:
            path.write_text(json.dumps(matrix, indent=1))
        except OSError as error:
            self._config.issue_config_time_warning(pytest.PytestWarning(f"no {path}: {error}"), stacklevel=1)
