"""Libraries from PyPI for the interpreters of the matrix."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .interpreters import Interpreter, cache_dir


def packages(python: Interpreter, name: str, *requirements: str) -> Path:
    """A folder with these distributions for this version, fetched once into the cache as `name`.

    Skips the test where they are not to be had. For a version that PyPI has wheels for; a debug build takes those of
    the release builds.
    """
    folder = cache_dir() / name / f"3.{python.minor}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"3.{python.minor}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            new = folder.with_name(f"{folder.name}.new-{os.getpid()}")
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--only-binary=:all:",
            ]
            command += ["--target", str(new), "--python-version", f"3.{python.minor}"]
            # pip may refuse what does not support the version that it runs on itself; wheels say what they are for.
            for more in [], ["--ignore-requires-python"]:
                result = subprocess.run([*command, *more, *requirements], capture_output=True, text=True)
                if result.returncode == 0:
                    break
            else:
                pytest.skip(f"{name} cannot be installed: {result.stderr.strip().splitlines()[-1]}")
            new.rename(folder)
    return folder


def ipython(python: Interpreter) -> Path:
    """A folder with IPython; the last two are what pip leaves out because the version that it runs on has no need."""
    return packages(python, "ipython", "ipython", "typing_extensions", "exceptiongroup")
