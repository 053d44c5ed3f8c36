"""CPython's own tests come out under on-crash as they do without (support_py/suites.py has the comparison).

PYSNAP_SUITES says how much of them: `quick`, `some` (scripts/test.sh --full), or `all`, the thirty modules, with and
without --follow-forks. `scripts/dev.sh suites` runs the last and prints a table.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

import pytest
from support_py.interpreters import Interpreter, find_interpreters, is_newest
from support_py.suites import MODULES, RERUNS, WATCH, WATCH_ALL, compare

# A module, and patterns of the ids of its tests; none stands for all of them.
Selection = Tuple[str, Tuple[str, ...]]

# What is done in a second, or little more, on each side.
QUICK: Tuple[Selection, ...] = (
    ("test_signal", ("*.RaiseSignalTest.*", "*.WakeupFDTests.*", "*.WakeupSocketSignalTests.*", "*.PidfdSignalTest.*")),
    ("test_threading", ("*.ExceptHookTests.*", "*.InterruptMainTests.*", "*.AtexitTests.*", "*.MiscTestCase.*")),
)
# What is done in less than ten seconds on each side, of what a tracer is most likely to show in.
SOME: Tuple[Selection, ...] = (
    ("test_signal", ("*.RaiseSignalTest.*", "*.WakeupFDTests.*", "*.WakeupSocketSignalTests.*", "*.PosixTests.*")),
    ("test_threading", ("*.ThreadTests.*", "*.ThreadJoinOnShutdown.*", "*.ExceptHookTests.*")),
    ("test_subprocess", ("*.RunFuncTestCase.*", "*.ContextManagerTests.*", "*.MiscTests.*")),
    ("test_faulthandler", ("*.test_sig*", "*.test_fatal_error*")),
    ("test_posix", ("*.TestPosixSpawn.*",)),
)
ALL: Tuple[Selection, ...] = tuple((module, ()) for module in MODULES)

QUICK_MODULES = {module for module, _ in QUICK}
LEVEL = os.environ.get("PYSNAP_SUITES", "quick")
SELECTIONS = {"quick": QUICK, "some": SOME, "all": ALL}[LEVEL]
# A watched child is more than a watched program, and so is tested first.
WATCHES = {"watched": WATCH, "children too": WATCH_ALL} if LEVEL == "all" else {"children too": WATCH_ALL}


@pytest.mark.timeout(0)  # each run of a module has its own
@pytest.mark.parametrize("how", WATCHES)
@pytest.mark.parametrize("selection", SELECTIONS, ids=[module for module, _ in SELECTIONS])
def test_same_verdicts(python: Interpreter, pysnap_binary: Path, selection: Selection, how: str) -> None:
    if not python.test_suite:
        pytest.skip("it is installed without its tests")
    module, only = selection
    if LEVEL == "some" and module not in QUICK_MODULES and not is_newest(python):
        pytest.skip("the newest release build of each version does it")
    result = compare(python, module, (str(pysnap_binary), *WATCHES[how]), only)
    for finding in result.findings():
        print(finding)
    assert result.tests > 1, result.bare.output
    assert not result.differing and not result.complaints, "\n".join(result.findings())


def test_difference_is_seen(tmp_path: Path) -> None:
    """A watcher that shows: the program starts with SIGINT ignored, and something is said."""
    watcher = tmp_path / "watcher"
    watcher.write_text("#!/bin/sh\ntrap '' INT\necho pysnap: hello\nshift 3\nexec \"$@\"\n")
    watcher.chmod(0o755)
    python = next(python for python in find_interpreters() if python.test_suite)
    result = compare(python, "test_signal", (str(watcher),), ("*.PosixTests.test_getsignal", "*.RaiseSignalTest.*"))
    name = "test.test_signal.RaiseSignalTest.test_sigint"
    assert list(result.differing) == [name] and not result.excused
    bare, watched = result.differing[name]
    assert bare == {"ok": 1 + RERUNS} and "ok" not in watched
    assert result.complaints == ["pysnap: hello"]
