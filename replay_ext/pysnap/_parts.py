"""What a builder asks the parts of a value for.

A file may give any object under any name. So a number is an int and nothing else: an object of the program would be
asked for one by a method of its own, and a bytes object may be multiplied by it.
"""

from __future__ import annotations

from typing import Any, Dict

Parts = Dict[str, Any]


def number(parts: Parts, name: str) -> int:
    """ValueError where it is none, KeyError where there is nothing."""
    value = parts[name]
    if type(value) is not int:
        raise ValueError(f"{name} is no number")
    return value


def data(parts: Parts, name: str) -> bytes:
    """The same for bytes."""
    value = parts[name]
    if type(value) is not bytes:
        raise ValueError(f"{name} is no bytes object")
    return value
