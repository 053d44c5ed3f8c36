"""Fixtures of the tests that attach to programs people really run."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from support_py.attaching import Attacher
from support_py.interpreters import Interpreter, cache_dir


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
    folder = cache_dir() / "ipython" / f"3.{python.minor}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"3.{python.minor}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            new = folder.with_name(f"{folder.name}.new-{os.getpid()}")
            result = subprocess.run(
                [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(new)]
                + ["--python-version", f"3.{python.minor}", "--only-binary=:all:", "ipython"]
                # What pip leaves out because the version that it runs on does not need it.
                + ["typing_extensions", "exceptiongroup"],
                capture_output=True,
                text=True,
            )
            if result.returncode != 0:
                pytest.skip(f"IPython cannot be installed: {result.stderr.strip().splitlines()[-1]}")
            new.rename(folder)
    return folder
