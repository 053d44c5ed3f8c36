"""docs/tutorial.md: its programs crash as it says, and its commands print what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List

import pytest
from support_py.interpreters import ROOT, Interpreter, is_newest
from support_py.packages import packages
from support_py.watching import watched

TUTORIAL = ROOT / "docs" / "tutorial.md"

# Replaces the lines of one file by those of another in a third: these are its arguments. Fails unless they are there
# exactly once.
EDITOR = """\
import sys
old, new, text = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
assert text.count(old) == 1
open(sys.argv[3], "w", encoding="utf-8").write(text.replace(old, new))
"""
PROMPT = re.compile(r"^(?:\(+Pdb\)+ )+", re.MULTILINE)


@dataclass(frozen=True)
class Story:
    """A section of the tutorial."""

    package: str  # What pip installs.
    program: str
    crash: List[str]  # What is printed when it crashes.
    diff: str
    commands: List[str]  # What is typed in the debugger, and what that prints.
    printed: List[str]

    def side(self, sign: str) -> str:
        """The lines before (-) or after (+) the fix."""
        return "".join(f"{line[1:]}\n" for line in self.diff.splitlines() if line[:1] in (" ", sign))


def blocks(section: str, language: str) -> List[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def read_story(section: str) -> Story:
    (program,), (diff,) = blocks(section, "python"), blocks(section, "diff")
    crash, session = (block.splitlines() for block in blocks(section, "console"))
    install, run = crash[:2]
    assert run.startswith("$ PYTHONPATH=packages pysnap on-crash -o crash.pb -- python app.py")
    assert session[0] == "$ pysnap replay --run-code crash.pb"
    return Story(
        package=install[len("$ pip install --target packages ") :],
        program=program,
        crash=crash[2:],
        diff=diff,
        commands=[PROMPT.sub("", line) for line in session if PROMPT.match(line)],
        printed=[line for line in session[1:] if not PROMPT.match(line)],
    )


STORIES = [read_story(section) for section in TUTORIAL.read_text().split("\n## ") if "```diff" in section]


def assert_printed(lines: List[str], output: str) -> None:
    """The lines are there in this order, one after the other unless there is `...` between; in one it is any text."""
    gap = r"(?:.*\n)*?"
    pattern = "".join(gap if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in lines)
    assert re.search(rf"^{pattern}", output, re.MULTILINE), f"{lines}\nis not in\n{output}"


def skip_unless_supported(python: Interpreter, folder: Path, package: str) -> None:
    name, version = package.split("==")
    text = (folder / f"{name}-{version}.dist-info" / "METADATA").read_text()
    oldest = re.search(r"^Requires-Python: .*>=3\.(\d+)", text, re.MULTILINE)
    if oldest is not None and python.minor < int(oldest[1]):
        pytest.skip(f"{package} is for Python 3.{oldest[1]} and later")


def test_has_three_stories() -> None:
    assert len(STORIES) == 3


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.package)
def test_story(python: Interpreter, story: Story, pysnap_binary: Path, tmp_path: Path) -> None:
    if not is_newest(python):
        pytest.skip("on the newest release build of each version")
    folder = packages(python, f"tutorial-{story.package}", story.package)
    skip_unless_supported(python, folder, story.package)
    # By this name they are found until the program has crashed.
    (tmp_path / "packages").symlink_to(folder)
    (tmp_path / "app.py").write_text(story.program)
    crashed = subprocess.run(
        [*watched(pysnap_binary, "-o", "crash.pb"), python.path, str(tmp_path / "app.py")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "packages")},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert crashed.returncode == 1
    assert_printed(story.crash, crashed.stderr)
    (tmp_path / "packages").unlink()
    (tmp_path / "app.py").unlink()

    old, new, editor = tmp_path / "old", tmp_path / "new", tmp_path / "editor.py"
    old.write_text(story.side("-"))
    new.write_text(story.side("+"))
    editor.write_text(EDITOR)
    replayed = subprocess.run(
        [str(pysnap_binary), "replay", "--run-code", "--python", python.path, "crash.pb"],
        input="".join(f"{command}\n" for command in story.commands),
        env={**os.environ, "VISUAL": "", "EDITOR": shlex.join(map(str, [python.path, editor, old, new]))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert replayed.returncode == 0, replayed.stderr
    assert_printed(story.printed, PROMPT.sub("", replayed.stdout))
