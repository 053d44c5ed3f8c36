"""Frames with the syntax of 3.11: except*, exception groups, notes, starred subscripts."""

import oracle
from oracle import park

suite = oracle.Suite()
shape = suite.shape


@shape
def except_star():
    try:
        raise ExceptionGroup("group", [ValueError(1), KeyError("key"), ValueError(2)])
    except* ValueError as values:
        assert len(values.exceptions) == 2
        park()
    except* KeyError as keys:
        assert keys


@shape
def handled_group():
    try:
        raise ExceptionGroup("outer", [ValueError(1), ExceptionGroup("inner", [KeyError("deep")])])
    except ExceptionGroup as group:
        caught = group
        park()
    assert caught.message == "outer"


@shape
def handled_with_notes():
    try:
        error = ValueError("noted")
        error.add_note("a note é")
        error.add_note("another\nline")
        raise error
    except ValueError as noted:
        park()
        assert len(noted.__notes__) == 2


@shape
def group_values():
    base_group = BaseExceptionGroup("base", [KeyboardInterrupt()])
    group = ExceptionGroup("text", [ValueError("a"), TypeError("b", 2)])
    nested = ExceptionGroup("nested", [group, OSError(2, "No such file or directory")])
    park()
    return base_group, group, nested


@shape
def long_traceback_positions():
    def raiser(value):
        return (
            value
            + [1, 2][
                10
            ]
        )

    try:
        raiser(1) + raiser(2)
    except IndexError as error:
        kept = error
        park()
    assert kept.__traceback__


@shape
def chained_calls_on_a_line():
    class Chain:
        def call(self, value=None):
            self.last = value
            return self

    result = Chain().call(1).call(park()).call(3)
    assert result.last == 3


@shape
def starred_subscript():
    class Taker:
        def __getitem__(self, key):
            park()
            return key

    items = (1, 2)
    assert Taker()[0, *items] == (0, 1, 2)


if __name__ == "__main__":
    suite.main()
