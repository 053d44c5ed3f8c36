"""A program to be looked at with a debugger, live and in its replay."""

import sys
import threading

import oracle
import session
from oracle import park

suite = oracle.Suite()


def helper(first, second=2, *rest, flag=False, **options):
    total = first + second
    text = "été – 🔑"
    for index, value in enumerate(rest):
        total += value
        if index == 1:
            park()
    return total, text


class Account:
    interest = 0.5

    def __init__(self, owner):
        self.owner = owner
        self.balance = 10
        self.history = [("open", 10)]

    def deposit(self, amount):
        before = self.balance
        self.balance += amount
        self.history.append(("deposit", amount))

        def report():
            return f"{self.owner}: {before} -> {self.balance}"

        park()
        return report()


@suite.shape
def at_a_breakpoint():
    values = {"a": [1, 2, (3,)], "b": {"nested": None}}
    assert helper(1, 2, 3, 4, 5, flag=True, option="value")[0] == 15 and values


@suite.shape
def in_a_method():
    account = Account("Ann")
    assert account.deposit(5) == "Ann: 10 -> 15"


@suite.shape
def in_closures():
    counter = [0]
    name = "outer"

    def middle(step):
        unset_later = step
        del unset_later

        def inner():
            nonlocal name
            name = "changed"
            counter[0] += step
            park()
            return name

        return inner()

    assert middle(3) == "changed"


@suite.shape
def in_a_generator():
    def generator(limit):
        for number in range(limit):
            if number == 1:
                park()
            yield number

    assert [n for n in generator(3)] == [0, 1, 2]


@suite.shape
def in_a_class_body():
    class Body:
        field = [1]
        park()
        other = 2

    assert Body.other == 2


@suite.shape
def with_an_exception():
    def deeper(value):
        items = [value]
        return items[value]

    def raising(value):
        label = "label"
        try:
            return deeper(value)
        except IndexError as error:
            raise RuntimeError("wrapped %r" % label) from error

    try:
        raising(7)
    except RuntimeError as caught:
        error = caught
        park()
        assert error.__cause__


@suite.shape
def multi_line():
    result = [
        1,
        helper_with_park(
            "argument",
        ),
    ]
    assert result


def helper_with_park(argument):
    park()
    return argument


def live_sessions():
    frames = sys._current_frames()
    sessions = {}
    for shape in suite.shapes:
        frame = frames[shape.thread.ident]
        sessions[shape.name] = session.session(frame)
        if shape.name == "with_an_exception":
            while frame.f_code.co_name != shape.name:
                frame = frame.f_back
            sessions["exception"] = session.exception_session(frame.f_locals["error"])
    return sessions


suite.after("sessions", live_sessions)

if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    suite.main()
