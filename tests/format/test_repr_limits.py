"""Graphs that no repr() should be asked for: too deep, or too wide for any memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from format.test_repr import show

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "programs"))
import snapshot_encoder as encode  # noqa: E402


def write(path: Path, **values: Any) -> Path:
    encoder = encode.Encoder()
    frame = encoder.frame(sys._getframe(), values)
    path.write_bytes(encode.snapshot(encoder, [encode.thread(encoder, [frame])]))
    return path


def test_depth(pysnap_binary: Path, tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100000):
        deep = [deep]
    snapshot = write(tmp_path / "deep.pb", deep=deep)
    assert show(pysnap_binary, snapshot, "--max-repr", "0")["deep"]["repr"] == "[" * 100001 + "]" * 100001
    text = subprocess.run([pysnap_binary, "show", snapshot], check=True, stdout=subprocess.PIPE).stdout.decode()
    assert "deep = " + "[" * 1000 + "… (1 item)\n" in text
    while deep:  # at once, its destruction would be as deep
        deep = deep.pop()


def test_width(pysnap_binary: Path, tmp_path: Path) -> None:
    wide: list[Any] = [0]
    for _ in range(64):
        wide = [wide, wide]  # 2**64 zeros
    shown = show(pysnap_binary, write(tmp_path / "wide.pb", wide=wide, text="é" * 5000), "--max-repr", "100")
    assert len(shown["wide"]["repr"]) == 100
    assert shown["wide"]["truncated"]
    assert shown["text"]["repr"] == "'" + "é" * 99
    assert shown["text"]["length"] == 5000
