"""Functions of every kind that have failed, each kept as the exception with its traceback.

It tells on stdout that it is ready, and after a line on stdin what each failure was: its name, the exception as text,
and the line and the function that raised. To call its function again has to fail likewise.
"""

import asyncio
import json
import os
import sys


class Thing:
    limit = 3

    def __init__(self, value):
        self.value = value

    def method(self, other):
        if other > self.limit:
            raise ValueError("method %d %d" % (self.value, other))

    @classmethod
    def made(cls, text):
        return cls(int(text))

    @staticmethod
    def static(a, b):
        return a / b

    @property
    def broken(self):
        return {}[self.value]

    def __add__(self, other):
        return self.value + other.missing

    def calls_super(self):
        return super().nothing()


def plain(a, b=2):
    total = a + b
    return total / (a - 1)


def only_positional(a, *rest, key, other="x", **more):
    text = "%s %s %s %s %s" % (a, rest, key, other, sorted(more.items()))
    raise RuntimeError(text)


def outer(base):
    step = base + 1

    def inner(times):
        nonlocal step
        step += times
        return [][step - times - step + base]

    return inner


def celled(argument, unused):
    def reads():
        return argument

    return reads() + None


def generates(limit):
    for number in range(limit):
        yield number
    raise KeyError("after %d" % number)


async def coroutine(count):
    for _ in range(count):
        await asyncio.sleep(0)
    raise LookupError("coroutine %d" % count)


async def numbers(count):
    for number in range(count):
        yield number
    raise IndexError("async generator")


async def goes_through(count):
    return [number async for number in numbers(count)]


def uses_with(path):
    with open(path) as file:
        return file.read()


def chained(text):
    try:
        return int(text)
    except ValueError as error:
        raise Failure(text) from error


class Failure(Exception):
    def __init__(self, text):
        super().__init__("failure of %r" % text)


def comprehends(rows):
    return [row["a"] for row in rows]


def unpacks(pair):
    a, b = pair
    return a, b


def rebinds(value):
    value = value * 2
    return value["x"]


double = lambda x: x * undefined  # noqa: E731, F821


def failures():
    thing = Thing(5)
    calls = {
        "method": lambda: thing.method(7),
        "made": lambda: Thing.made("x"),
        "static": lambda: Thing.static(1, 0),
        "broken": lambda: thing.broken,
        "add": lambda: thing + 3,
        "calls_super": lambda: thing.calls_super(),
        "plain": lambda: plain(1),
        "only_positional": lambda: only_positional(1, 2, 3, key=4, extra=5),
        "inner": lambda: outer(10)(2),
        "celled": lambda: celled(1, 2),
        "generates": lambda: list(generates(3)),
        "coroutine": lambda: asyncio.run(coroutine(2)),
        "numbers": lambda: asyncio.run(goes_through(2)),
        "uses_with": lambda: uses_with("/nonexistent/file"),
        "chained": lambda: chained("abc"),
        "comprehends": lambda: comprehends([{"a": 1}, {}]),
        "unpacks": lambda: unpacks((1, 2, 3)),
        "double": lambda: double(3),
    }
    found = {}
    for name, call in calls.items():
        try:
            call()
        except Exception as error:
            found[name] = error
    return found


def innermost(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def main():
    errors = failures()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    told = {}
    for name, error in errors.items():
        trace = innermost(error)
        told[name] = ["%s: %s" % (type(error).__name__, error), trace.tb_lineno, trace.tb_frame.f_code.co_name]
    print(json.dumps({"told": told}), flush=True)
    print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    main()
