#!/usr/bin/env python3
"""Measures what a snapshot costs: the pause that the target itself sees, the whole time, and the file's size.

  scripts/bench.py                           every CPython, every case, pysnap alone
  scripts/bench.py --python 3.12 --python 3.14 --peers
  scripts/bench.py --case threads-200 --repeat 9 --json build/bench.json

A target looks at the clock all the time and tells the longest gap, which is its pause and whatever else kept it from
running: on a busy machine compare with the row "idle", which is the same wait without any tool. Numbers are medians
of --repeat runs. --peers runs `pystack remote` and `py-spy dump`, too, and what works in the program itself (coredumpy,
offline-debug, and pickle for the data alone), when they can be installed from PyPI: the pause of those is their whole
time, of one run. A second table then has how many objects a second they take and load, and their files' sizes.
Nothing is asserted. Run by scripts/dev.sh bench, which has the libraries that this needs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

from bench_overhead import overheads
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "scripts" / "bench_target.py"
PYSNAP = ROOT / "build" / "bin" / "pysnap"

CASES: dict[str, list[str]] = {
    **{f"threads-{count}": ["threads", str(count)] for count in (1, 10, 100, 200)},
    "1e6 ints": ["ints"],
    "1e5 strings": ["strings"],
    "1e5 instances": ["instances"],
    "1000 deep": ["nested"],
    "all data": ["all"],
    "10,000 tasks": ["tasks", "10000"],
}


@dataclass
class Result:
    """Medians of one tool on one case."""

    python: str
    case: str
    tool: str
    seen_pause_ms: float = 0.0  # the longest gap that the target saw
    told_pause_ms: Optional[float] = None  # what the tool says itself
    total_ms: float = 0.0
    size_kb: Optional[float] = None
    objects: Optional[int] = None
    load_ms: Optional[float] = None  # pysnap.load on the same version
    error: str = ""


class Target:
    """A running bench_target.py."""

    def __init__(self, python: str, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [python, str(TARGET), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{python} {arguments} did not start")

    @property
    def pid(self) -> int:
        return self._process.pid

    def longest_gap_ms(self) -> float:
        """The longest gap since the last call."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()) / 1e6

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:100] if lines else ""


def measure(target: Target, command: Sequence[str], repeat: int, timeout: float = 120) -> tuple[float, float, str]:
    """Runs a command several times; median gap seen by the target and median time, in ms, or the error."""
    gaps, times = [], []
    for _ in range(repeat):
        target.longest_gap_ms()
        started = time.perf_counter()
        try:
            result = subprocess.run(
                list(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, timeout=timeout,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 0.0, 0.0, f"longer than {timeout:.0f} s"
        times.append((time.perf_counter() - started) * 1e3)
        gaps.append(target.longest_gap_ms())
        if result.returncode != 0:
            return 0.0, 0.0, last_line(result.stderr) or f"exit code {result.returncode}"
    return median(gaps), median(times), ""


def idle(target: Target, repeat: int) -> float:
    """The gap that the target sees when nothing is done to it, over a time like that of an attach."""
    gaps = []
    for _ in range(repeat):
        target.longest_gap_ms()
        subprocess.run(["sleep", "0.1"], check=True)
        gaps.append(target.longest_gap_ms())
    return median(gaps)


LOAD = """
import sys, time
sys.path.insert(0, sys.argv[2])
import pysnap
started = time.perf_counter()
snap = pysnap.load(sys.argv[1])
[thread.frame for thread in snap.threads]
print((time.perf_counter() - started) * 1e3)
"""


def run_pysnap(python: str, target: Target, result: Result, arguments: Sequence[str], repeat: int, load: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.pb"
        command = [str(PYSNAP), "attach", "--quiet", *arguments, "-o", str(file), str(target.pid)]
        result.seen_pause_ms, result.total_ms, result.error = measure(target, command, repeat)
        if result.error:
            return
        result.size_kb = file.stat().st_size / 1000
        peek = subprocess.run([str(PYSNAP), "show", "--json", "--no-locals", str(file)], capture_output=True, text=True)
        if peek.returncode == 0:
            capture = json.loads(peek.stdout)["capture"]
            result.told_pause_ms, result.objects = capture["pause_ms"], capture["objects"]
        if load:
            loaded = subprocess.run(
                [python, "-c", LOAD, str(file), str(ROOT / "build" / "python")], capture_output=True, text=True
            )
            if loaded.returncode == 0:
                result.load_ms = float(loaded.stdout)
            else:
                result.error = f"load: {last_line(loaded.stderr)}"


def cache_folder() -> Path:
    cache = os.environ.get("PYSNAP_CACHE")
    return Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pysnap"


def peers(install: bool) -> dict[str, Callable[[int], list[str]]]:
    """The commands of the other tools, by name; those that cannot be had are left out."""
    if not install:
        return {}
    venv = cache_folder() / "venv-peers"
    if not (venv / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    found: dict[str, Callable[[int], list[str]]] = {}
    tools: list[tuple[str, str, Callable[[str, int], list[str]]]] = [
        ("pystack", "pystack", lambda program, pid: [program, "remote", "--locals", str(pid)]),
        ("py-spy", "py-spy", lambda program, pid: [program, "dump", "--locals", "--pid", str(pid)]),
    ]
    for package, name, command in tools:
        program = venv / "bin" / name
        if not program.exists():
            subprocess.run([str(venv / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", package])
        if program.exists():
            found[name] = lambda pid, program=program, command=command: command(str(program), pid)  # type: ignore[misc]
        else:
            print(f"{package} cannot be installed", file=sys.stderr)
    return found


# Tools that work in the program itself, and the first minor version that they are for.
IN_PROCESS = {"pickle": 8, "coredumpy": 10, "offline-debug": 12}


def in_process_folder() -> Path:
    """Where those of them can be imported from that can be had; they are pure Python."""
    folder = cache_folder() / "in-process"
    pip = [str(cache_folder() / "venv-peers" / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    for package in ("coredumpy", "offline-debug", "typing_extensions"):
        if not (folder / package.replace("-", "_")).exists():
            subprocess.run([*pip, "--target", str(folder), "--no-deps", "--ignore-requires-python", package])
    return folder


def run_in_process(python: str, folder: Path, tool: str, case: str, result: Result, timeout: float = 300) -> None:
    script = [python, str(ROOT / "scripts" / "bench_inprocess.py")]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "bench.dump"

        def milliseconds(*command: str) -> float:
            try:
                done = subprocess.run(
                    [*script, *command], env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True,
                    timeout=timeout,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                result.error = f"{command[0]}: longer than {timeout:.0f} s"
                return 0.0
            if done.returncode != 0:
                result.error = f"{command[0]}: {last_line(done.stderr) or f'exit code {done.returncode}'}"
                return 0.0
            return float(done.stdout.split()[-1])

        result.total_ms = result.seen_pause_ms = milliseconds("dump", tool, CASES[case][0], str(file))
        if file.exists() and not result.error:
            result.size_kb = file.stat().st_size / 1000
            result.load_ms = milliseconds("load", tool, str(file))


def results_of(
    python: dict[str, Any], case: str, repeat: int, others: dict[str, Any], in_process: Optional[Path]
) -> Iterator[Result]:
    """All tools on one case and one interpreter."""
    threads = case.startswith("threads") or case.endswith("tasks")
    with Target(python["path"], CASES[case]) as target:
        yield Result(python["tag"], case, "idle", seen_pause_ms=idle(target, repeat))
        variants = {"pysnap": [], "pysnap --no-locals": ["--no-locals"]} if threads else {"pysnap": []}
        for tool, arguments in variants.items():
            result = Result(python["tag"], case, tool)
            run_pysnap(python["path"], target, result, arguments, repeat, load=not arguments)
            yield result
        for tool, command in others.items():
            result = Result(python["tag"], case, tool)
            result.seen_pause_ms, result.total_ms, result.error = measure(target, command(target.pid), repeat)
            yield result
    for tool, first in IN_PROCESS.items():
        if in_process is None or threads or python["minor"] < first:
            continue
        result = Result(python["tag"], case, tool)
        run_in_process(python["path"], in_process, tool, case, result)
        yield result


def cell(value: Optional[float], digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def table_of(results: Sequence[Result]) -> Table:
    table = Table(title="milliseconds, medians; pause as the target saw it and as the tool says")
    for heading in ("python", "case", "tool"):
        table.add_column(heading)
    for heading in ("pause seen", "pause told", "total", "size kB", "objects", "load"):
        table.add_column(heading, justify="right")
    table.add_column("error")
    for r in results:
        table.add_row(
            r.python, r.case, r.tool, cell(r.seen_pause_ms), cell(r.told_pause_ms), cell(r.total_ms, 0),
            cell(r.size_kb, 0), cell(r.objects, 0), cell(r.load_ms, 0), r.error,
        )  # fmt: skip
    return table


def throughput_table(results: Sequence[Result]) -> Table:
    """Of the tools that keep the same data: how much of it they take and load, in objects as pysnap counts them."""
    table = Table(title="thousands of objects a second; the file beside that of pysnap")
    for heading in ("python", "case", "tool"):
        table.add_column(heading)
    for heading in ("captured", "loaded", "file"):
        table.add_column(heading, justify="right")
    for own in results:
        if own.tool != "pysnap" or own.objects is None or not own.size_kb:
            continue
        for r in results:
            if (r.python, r.case) != (own.python, own.case) or r.tool not in ("pysnap", *IN_PROCESS) or r.error:
                continue
            rates = [own.objects / ms if ms else None for ms in (r.total_ms, r.load_ms)]
            share = (r.size_kb or 0) / own.size_kb
            table.add_row(r.python, r.case, r.tool, *(cell(rate, 0) for rate in rates), f"{share:.2f}")
    return table


def show_overheads(interpreters: Sequence[dict[str, Any]], repeat: int) -> int:
    table = Table(title="seconds, best; the same work bare and under on-crash")
    table.add_column("python")
    table.add_column("work")
    for heading in ("bare", "on-crash", "ratio", "more, ms"):
        table.add_column(heading, justify="right")
    for python in interpreters:
        for each in overheads(PYSNAP, python, repeat):
            table.add_row(
                each.python, each.work, cell(each.bare), cell(each.watched), cell(each.ratio, 3), cell(each.more_ms, 0)
            )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="a minor version or a tag; repeatable")
    parser.add_argument("--case", action="append", default=[], choices=list(CASES), help="repeatable")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="also pystack, py-spy, coredumpy, offline-debug, pickle")
    parser.add_argument("--overhead", action="store_true", help="only what it costs to run under on-crash")
    parser.add_argument("--json", metavar="FILE", help="write the numbers, too")
    options = parser.parse_args()

    listed = subprocess.run([str(ROOT / "scripts" / "interpreters.sh"), "--list"], stdout=subprocess.PIPE, check=True)
    interpreters = [
        python
        for python in json.loads(listed.stdout)["interpreters"]
        if not python["free_threaded"]
        and (not options.python or {f"3.{python['minor']}", python["tag"]} & set(options.python))
    ]
    if options.overhead:
        return show_overheads(interpreters, options.repeat)
    others = peers(options.peers)
    in_process = in_process_folder() if options.peers else None
    console = Console(width=None if sys.stdout.isatty() else 180)
    everything: list[Result] = []
    for python in interpreters:
        results: list[Result] = []
        for case in options.case or CASES:
            results += results_of(python, case, options.repeat, others, in_process)
        console.print(table_of(results))
        if options.peers:
            console.print(throughput_table(results))
        everything += results
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(result) for result in everything], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
