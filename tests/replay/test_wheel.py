"""The ordinary wheel, built by the host's Python: installed elsewhere, it works without the build tree."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

LOAD = """
import sys, pysnap
try:
    pysnap.load(sys.argv[1])
except pysnap.SnapshotError:
    print("refused", pysnap.__file__)
"""


@pytest.mark.timeout(900)
def test_wheel_is_enough(tmp_path: Path) -> None:
    build = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if build.returncode != 0 and "Could not find a version" in build.stdout:
        pytest.skip("scikit-build-core cannot be fetched")
    assert build.returncode == 0, build.stdout
    (wheel,) = tmp_path.glob("pysnap-*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-index", str(wheel)], check=True)
    damaged = tmp_path / "damaged.pb"
    damaged.write_bytes(b"no snapshot")
    output = subprocess.run(
        [str(python), "-c", LOAD, str(damaged)], stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path
    ).stdout
    assert output.startswith(f"refused {environment}")
