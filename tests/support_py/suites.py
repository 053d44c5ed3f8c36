"""CPython's own tests, run bare and under `pysnap on-crash`: every test has to come out the same.

    python -m support_py.suites --pysnap build/bin/pysnap --python 3.12 test_signal test_threading

prints a table; scripts/dev.sh suites is the same for all of MODULES. A test that came out differently is run again, by
itself and on both sides. It is excused when its bare runs differ among themselves, and by nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .interpreters import Interpreter, find_interpreters

# What all versions have and where a tracer could show: processes and how they end, signals, threads, terminals, system
# calls that are interrupted, exceptions on their way out, and what reads the state of its own process.
MODULES = (
    "test_asyncio",
    "test_atexit",
    "test_cmd_line",
    "test_cmd_line_script",
    "test_eintr",
    "test_exceptions",
    "test_faulthandler",
    "test_fork1",
    "test_gc",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_main_handling",
    "test_multiprocessing_spawn",
    "test_os",
    "test_pdb",
    "test_poll",
    "test_posix",
    "test_pty",
    "test_queue",
    "test_resource",
    "test_runpy",
    "test_selectors",
    "test_signal",
    "test_subprocess",
    "test_sys",
    "test_sys_settrace",
    "test_threading",
    "test_threadsignals",
    "test_traceback",
    "test_wait4",
)

# Where a later version keeps what the others have under the name of MODULES.
LATER_NAMES = {"test_posix": "test_os.test_posix"}

# These packages have modules that are nothing but such a call. Some installations lack them: the Makefiles of 3.11.7
# and 3.12.1 forgot the folders into which the modules had moved.
STAND_INS = {
    f"test_multiprocessing_{method}": (
        "from test._test_multiprocessing import install_tests_in_module_dict\n"
        f"install_tests_in_module_dict(globals(), {method!r})\n"
    )
    for method in ("fork", "forkserver", "spawn")
}

WATCH = ("on-crash", "--quiet")
WATCH_ALL = ("on-crash", "--quiet", "--follow-forks")

# How often a test that came out differently is run again, on each side.
RERUNS = 5
# How often a module is run until one of the runs gets to its end.
ATTEMPTS = 3
# The name under which a module as a whole has its verdict.
WHOLE = "(the module)"

# unittest/runner.py: the headings of what failed. Of subtests 3.8 to 3.10 say nothing else.
FAILED = re.compile(r"^={70}\n(FAIL|ERROR): (\w+) \(([\w.]+)\)", re.MULTILINE)
# What unittest says before it runs a test, and nothing else on the line but what the test itself may print.
BEGUN = re.compile(r"^(\w+) \(([\w.]+)\)", re.MULTILINE)
COMPLAINT = re.compile(r"^pysnap: .*", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """How one run of a module came out."""

    # What became of each test, by its id; of one that failed in several subtests, all of it.
    verdicts: Mapping[str, str]
    # Otherwise the module crashed or hung, and `verdicts` has nothing but the test that it was at.
    complete: bool
    # What pysnap had to say.
    complaints: Tuple[str, ...]
    snapshots: int
    seconds: float
    output: str

    @property
    def ended_at(self) -> List[str]:
        """The test at which the module crashed or hung."""
        return [] if self.complete else [name for name in self.verdicts if name != WHOLE]


@dataclass
class Comparison:
    """The tests of one module, bare and watched."""

    python: Interpreter
    module: str
    bare_runs: Sequence[Run]
    watched_runs: Sequence[Run]
    # By the id of a test: how its runs came out on each side.
    differing: Dict[str, Tuple[Counter[str], Counter[str]]] = field(default_factory=dict)
    excused: Dict[str, Tuple[Counter[str], Counter[str]]] = field(default_factory=dict)

    @property
    def bare(self) -> Run:
        return self.bare_runs[-1]

    @property
    def watched(self) -> Run:
        return self.watched_runs[-1]

    @property
    def tests(self) -> int:
        return len(self.bare.verdicts.keys() | self.watched.verdicts.keys())

    @property
    def same(self) -> int:
        return self.tests - len(self.differing) - len(self.excused)

    @property
    def complaints(self) -> List[str]:
        return [complaint for run in self.watched_runs for complaint in run.complaints]

    def findings(self) -> Iterator[str]:
        """What speaks against pysnap, and, marked as such, what was excused."""
        for title, found in (("differs", self.differing), ("excused", self.excused)):
            for name, (bare, watched) in sorted(found.items()):
                yield f"{self.python.tag} {self.module}: {title}: {name}: bare {told(bare)}, watched {told(watched)}"
        for complaint in self.complaints:
            yield f"{self.python.tag} {self.module}: {complaint}"


def told(verdicts: Counter[str]) -> str:
    return ", ".join(f"{verdict} ({count}x)" for verdict, count in verdicts.most_common())


def run_module(
    python: Interpreter,
    module: str,
    watch: Sequence[str] = (),
    only: Sequence[str] = (),
    left_out: Sequence[str] = (),
    timeout: float = 900,
) -> Run:
    """Runs a module, or the tests `only`, without those `left_out` (patterns of ids), below the command `watch`."""
    folder = Path(tempfile.mkdtemp(prefix="suite-"))
    try:
        return _run(python, module, folder, watch, only, left_out, timeout)
    finally:
        _end_all_of(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    python: Interpreter,
    module: str,
    folder: Path,
    watch: Sequence[str],
    only: Sequence[str],
    left_out: Sequence[str],
    timeout: float,
) -> Run:
    work, results, snapshots = folder / "work", folder / "results.xml", folder / "snapshots"
    work.mkdir()
    snapshots.mkdir()
    command = [python.path, "-m", "test", "-v", "--fail-env-changed", f"--junit-xml={results}"]
    if watch:
        command = [*watch, "-o", str(snapshots), "--", *command]
    for pattern in only:
        command += ["-m", pattern]
    for pattern in left_out:
        command += ["-i", pattern]
    missing = not has_module(python, module)
    if missing and module in LATER_NAMES:
        module = LATER_NAMES[module]
    if missing and module in STAND_INS:
        # Under the package's own name it would be looked for where it is missing.
        tests, source = folder / "tests", STAND_INS[module]
        tests.mkdir()
        module = f"stand_in_for_{module}"
        (tests / f"{module}.py").write_text(source)
        command.append(f"--testdir={tests}")
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), "TMPDIR": str(work), "LANG": "C.UTF-8"}
    begin = time.monotonic()
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            [*command, module],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            end = f"exit code {process.wait(timeout)}"
        except subprocess.TimeoutExpired:
            end = "timed out"
            _end_all_of(folder)
            process.wait()
    text = (folder / "output").read_text(errors="replace")
    # They are written at the end.
    complete = results.exists()
    if complete:
        verdicts = _verdicts(ElementTree.parse(results).iter("testcase"), text)
    else:
        verdicts = {test_id(*begun): end for begun in BEGUN.findall(text)[-1:]}
    return Run(
        verdicts={**verdicts, WHOLE: end},
        complete=complete,
        complaints=tuple(COMPLAINT.findall(text)),
        snapshots=len(list(snapshots.iterdir())),
        seconds=time.monotonic() - begin,
        output=text,
    )


def test_id(name: str, owner: str) -> str:
    """From 3.11 on what stands in the parentheses is the id already, before it is the class."""
    return owner if owner.endswith(f".{name}") else f"{owner}.{name}"


def has_module(python: Interpreter, module: str) -> bool:
    tests = Path(python.executable).parent.parent / "lib" / f"python3.{python.minor}" / "test"
    return (tests / module).exists() or (tests / f"{module}.py").exists()


def _verdicts(cases: Iterable[ElementTree.Element], text: str) -> Dict[str, str]:
    found: Dict[str, List[str]] = {}
    for verdict, name, owner in FAILED.findall(text):
        found.setdefault(test_id(name, owner), []).append(verdict)
    for case in cases:
        name = case.get("name")
        if name is None or case.find("error") is not None or case.find("failure") is not None:
            continue  # of these there is a heading
        if case.find("skipped") is not None:
            verdict = "skipped"
        elif case.find("outcome") is not None:
            verdict = "unexpected success"
        elif case.find("output") is not None:
            verdict = "expected failure"
        else:
            verdict = "ok"
        found.setdefault(name, []).append(verdict)
    return {name: ", ".join(sorted(verdicts)) for name, verdicts in found.items()}


def _end_all_of(folder: Path) -> None:
    """Kills what a run has left, wherever it has gone: it has the folder in its environment."""
    mark = f"TMPDIR={folder}/".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in environ.read_bytes():
                os.kill(int(environ.parent.name), signal.SIGKILL)


def run_to_the_end(
    python: Interpreter,
    module: str,
    watch: Sequence[str],
    only: Sequence[str] = (),
    left_out: Sequence[str] = (),
    timeout: float = 900,
) -> List[Run]:
    """Runs a module until it gets to its end; the last of the runs is the one that tells of all tests."""
    runs: List[Run] = []
    while len(runs) < ATTEMPTS and not (runs and runs[-1].complete):
        runs.append(run_module(python, module, watch, only, left_out, timeout))
        if not watch:
            left_out = [*left_out, *runs[-1].ended_at]
    return runs


def compare(
    python: Interpreter,
    module: str,
    watch: Sequence[str],
    only: Sequence[str] = (),
    timeout: float = 900,
    bare: Sequence[Run] = (),
) -> Comparison:
    """Runs a module on both sides (or takes the `bare` runs that there are), and what differs again."""
    bare = bare or run_to_the_end(python, module, (), only, (), timeout)
    # Where it crashes or hangs by itself there is nothing to compare.
    left_out = [name for run in bare for name in run.ended_at]
    watched = run_to_the_end(python, module, watch, only, left_out, timeout)
    result = Comparison(python, module, bare, watched)
    for name in left_out:
        by_itself = Counter(run.verdicts[name] for run in bare if name in run.ended_at)
        result.excused[name] = by_itself, Counter(["left out"])
    counts: Dict[str, Tuple[Counter[str], Counter[str]]] = {}

    def note(side: int, run: Run) -> None:
        for name in counts:
            if run.complete or name in run.verdicts:
                counts[name][side].update([run.verdicts.get(name, "not run")])

    runs = [(side, run) for side, runs in enumerate((bare, watched)) for run in runs]
    for _, run in runs:
        counts.update((name, (Counter(), Counter())) for name in run.verdicts if name not in result.excused)
    for side, run in runs:
        note(side, run)
    counts = {name: sides for name, sides in counts.items() if sides[0].keys() != sides[1].keys()}
    # The module as a whole differs because some test does, or, if none of them, by itself.
    if len(counts) > 1:
        counts.pop(WHOLE, None)
    if not counts:
        return result
    for _ in range(RERUNS):
        for side, command in enumerate(((), watch)):
            chosen = [name for name in counts if name != WHOLE] or only
            note(side, run_module(python, module, command, chosen, left_out, timeout))
    for name, sides in counts.items():
        (result.excused if len(sides[0]) > 1 else result.differing)[name] = sides
    return result


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="suites", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pysnap", type=Path, required=True, help="the binary")
    parser.add_argument("--python", action="append", default=[], metavar="NAME", help="as for the tests: 3.12, debug")
    parser.add_argument("--follow-forks", action="store_true", help="also with all children watched")
    parser.add_argument("--timeout", type=float, default=900, metavar="SECONDS", help="of one run of a module")
    parser.add_argument("--jobs", "-j", type=int, default=1, help="how many modules at once; more makes tests flaky")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the output of all runs")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="default: the thirty of MODULES")
    options = parser.parse_args(arguments)
    pysnap = str(options.pysnap.resolve())
    watches: List[Tuple[str, Sequence[str]]] = [("watched", (pysnap, *WATCH))]
    if options.follow_forks:
        watches.append(("children too", (pysnap, *WATCH_ALL)))

    def of_module(choice: Tuple[Interpreter, str]) -> List[Tuple[str, Comparison]]:
        python, module = choice
        found: List[Tuple[str, Comparison]] = []
        bare: Sequence[Run] = ()
        for how, watch in watches:
            comparison = compare(python, module, watch, timeout=options.timeout, bare=bare)
            bare = comparison.bare_runs
            found.append((how, comparison))
            if options.logs:
                options.logs.mkdir(parents=True, exist_ok=True)
                stem = f"{python.tag}-{module}"
                (options.logs / f"{stem}-bare.txt").write_text(comparison.bare.output)
                (options.logs / f"{stem}-{how.replace(' ', '-')}.txt").write_text(comparison.watched.output)
        return found

    pythons = [python for python in find_interpreters(options.python) if python.test_suite]
    choices = [(python, module) for python in pythons for module in options.modules or MODULES]
    print(
        f"{'version':<9} {'module':<35} {'how':<12} {'tests':>5} {'same':>5} {'differing':>9} {'excused':>7}"
        f" {'snapshots':>9} {'bare s':>7} {'watched s':>9}"
    )
    findings: List[str] = []
    differing = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(of_module, choices):
            for how, each in result:
                print(
                    f"{each.python.tag:<9} {each.module:<35} {how:<12} {each.tests:>5} {each.same:>5}"
                    f" {len(each.differing):>9} {len(each.excused):>7} {each.watched.snapshots:>9}"
                    f" {each.bare.seconds:>7.1f} {each.watched.seconds:>9.1f}",
                    flush=True,
                )
                differing += len(each.differing)
                own = [f"{finding} [{how}]" for finding in each.findings()]
                for finding in own:
                    print(f"    {finding}", flush=True)
                findings += own
    print(f"{len(findings)} findings" if findings else "no differences")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
