"""What it costs a program to run under `pysnap on-crash`: the same work, bare and under watch, in turns.

Used by scripts/bench.py --overhead.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

# What is done on the way to the first line is the same each time: its cost is a difference, not a ratio.
WORK = {
    "nothing": "",
    "CPU, some seconds": "total = 0\nfor i in range(60000000):\n    total += i",
    "10k threads": "import threading\nfor i in range(10000):\n    t = threading.Thread(target=int)\n    t.start()\n"
    "    t.join()",
    "400 subprocesses": "import subprocess\nfor i in range(400):\n    subprocess.run(['/bin/true'])",
    "1 kHz timer": "import signal, time\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
    "total = 0\nfor i in range(12000000):\n    total += i\nsignal.setitimer(signal.ITIMER_REAL, 0)",
}


@dataclass
class Overhead:
    """Best times of one kind of work, in seconds."""

    python: str
    work: str
    bare: float
    watched: float

    @property
    def ratio(self) -> float:
        return self.watched / self.bare

    @property
    def more_ms(self) -> float:
        return (self.watched - self.bare) * 1000


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def overheads(pysnap: Path, python: dict[str, Any], repeat: int) -> Iterator[Overhead]:
    """Bare and watched runs alternate, so that both meet the same machine; the best of each counts."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in WORK.items():
            program = [python["path"], "-c", source]
            watch = [str(pysnap), "on-crash", "-o", folder, "--", *program]
            times = [(seconds(program), seconds(watch)) for _ in range(repeat)]
            yield Overhead(python["tag"], name, min(bare for bare, _ in times), min(watched for _, watched in times))
