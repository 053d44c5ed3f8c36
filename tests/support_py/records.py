"""The bytes of a snapshot as they are without compression, for tests of what must not be among them."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Tuple

# Far more than the snapshots of test programs take.
MAX_BYTES = 64 << 20
RECORD_ZSTD = 9  # Record.zstd, proto/snapshot.proto


def varint(data: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def decompressed(frame: bytes) -> bytes:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    room = ctypes.create_string_buffer(MAX_BYTES)
    size = library.ZSTD_decompress(room, MAX_BYTES, frame, len(frame))
    assert size <= MAX_BYTES, "it cannot be decompressed"
    return room.raw[:size]


def plain_bytes(path: Path) -> bytes:
    """All records of the file, those that were compressed among them."""
    data = path.read_bytes()
    found = []
    at = 0
    while at < len(data):
        begin = at
        _, at = varint(data, at)
        length, at = varint(data, at)
        record = data[at : at + length]
        at += length
        key, inside = varint(record, 0)
        if key >> 3 == RECORD_ZSTD:
            size, inside = varint(record, inside)
            found.append(decompressed(record[inside : inside + size]))
        else:
            found.append(data[begin:at])
    return b"".join(found)
