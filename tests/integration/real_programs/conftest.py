"""Fixtures of the tests that attach to programs people really run."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from support_py.attaching import Attacher
from support_py.interpreters import Interpreter
from support_py.packages import ipython


@pytest.fixture
def attacher(pysnap_binary: Path, tmp_path: Path) -> Iterator[Attacher]:
    """Attaches, and says in the report what it saw."""
    attacher = Attacher(pysnap_binary, tmp_path)
    yield attacher
    log = attacher.log
    pauses = sorted(log.pause_ms)
    median = pauses[len(pauses) // 2] if pauses else 0.0
    print(
        f"{log.attaches} attaches, {log.vanished} ended before, {log.frames} frames, {log.values} values,"
        f" absent {dict(log.absent)}, pause median {median:.2f} ms, longest {pauses[-1] if pauses else 0:.2f} ms"
    )


@pytest.fixture
def ipython_packages(python: Interpreter) -> Path:
    """A folder with IPython for this version, fetched once into the cache; skips where there is none to be had."""
    return ipython(python)
