"""Frames with the syntax of 3.10: match, parenthesized with."""

import contextlib

import oracle
from oracle import park

suite = oracle.Suite()
shape = suite.shape


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


@shape
def match_sequence():
    match [1, 2, 3, 4]:
        case [first, *rest]:
            park()
            assert first == 1 and rest == [2, 3, 4]


@shape
def match_mapping():
    match {"kind": "a", "more": 1, "extra": 2}:
        case {"kind": str() as kind, **others}:
            park()
            assert kind == "a" and len(others) == 2


@shape
def match_class_with_guard():
    match Point(1, 2):
        case Point(x=1, y=y) if park():
            assert y == 2


@shape
def match_subject_running():
    match (park(), 2):
        case (True, other) | (other, True):
            assert other == 2


@shape
def match_getattr():
    class Asked:
        __match_args__ = ("field",)

        @property
        def field(self):
            park()
            return 5

    match Asked():
        case Asked(value):
            assert value == 5


@shape
def parenthesized_with():
    with (
        contextlib.ExitStack() as first,
        contextlib.ExitStack() as second,
    ):
        park()
    assert first is not second


if __name__ == "__main__":
    suite.main()
