"""What a builder asks the parts of a value for.

A file may give any object under any name. So a number is an int and nothing else: an object of the program would be
asked for one by a method of its own, and a bytes object may be multiplied by it.
"""

from __future__ import annotations

import itertools
import struct
from typing import Any, Dict, Iterator, List, Tuple, Type, TypeVar

Parts = Dict[str, Any]
T = TypeVar("T")


def number(parts: Parts, name: str) -> int:
    """ValueError where it is none, KeyError where there is nothing."""
    return _exactly(int, parts, name)


def text(parts: Parts, name: str) -> str:
    """The same for str."""
    return _exactly(str, parts, name)


def items(parts: Parts, name: str) -> Tuple[Any, ...]:
    """The same for tuple."""
    return _exactly(tuple, parts, name)


def mapping(parts: Parts, name: str) -> Dict[Any, Any]:
    """The same for dict."""
    return _exactly(dict, parts, name)


def joined(pieces: object, between: str = "") -> str:
    """A list or tuple of strs as one. ValueError where it is none."""
    if type(pieces) not in (list, tuple) or not all(type(piece) is str for piece in pieces):  # type: ignore[attr-defined]
        raise ValueError("pieces of no text")
    return between.join(pieces)  # type: ignore[arg-type]


def _exactly(cls: Type[T], parts: Parts, name: str) -> T:
    value = parts[name]
    if type(value) is not cls:
        raise ValueError(f"{name} is no {cls.__name__}")
    return value


def numbered(parts: Parts) -> Iterator[str]:
    """The names of the parts that are numbers, in their order."""
    for name in map(str, itertools.count()):
        if name not in parts:
            return
        yield name


def listed(parts: Parts) -> List[Any]:
    """The items of a value that has some. ValueError where they are no list."""
    return _exactly(list, parts, "items") if "items" in parts else []


def data(parts: Parts, name: str) -> bytes:
    """The same for bytes."""
    return _exactly(bytes, parts, name)


def sizes(parts: Parts, name: str) -> Tuple[int, ...]:
    """Numbers that were recorded as int64 each."""
    packed = data(parts, name)
    return struct.unpack(f"{len(packed) // 8}q", packed)
