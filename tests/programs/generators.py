"""Generators, coroutines and async generators, each suspended once at every point it comes to, then driven to its end.

It tells on stdout that it is ready, and after a line on stdin what each of them did from where it was. A replay has to
do the same with what was captured between the two.
"""

import collections
import contextlib
import io
import itertools
import json
import os
import sys
import types


class Boom(Exception):
    """A user's own."""

    def __init__(self, code):
        super().__init__("boom %d" % code)
        self.code = code

    def __str__(self):
        return "Boom(%d)" % self.code


class Manager:
    def __init__(self, log, name, swallow=False):
        self.log, self.name, self.swallow = log, name, swallow

    def __enter__(self):
        self.log.append("enter " + self.name)
        return self.name

    def __exit__(self, kind, value, trace):
        self.log.append("exit %s %s" % (self.name, kind and kind.__name__))
        return self.swallow

    async def __aenter__(self):
        await pause(self.name + " enters")
        return self.__enter__()

    async def __aexit__(self, *error):
        await pause(self.name + " exits")
        return self.__exit__(*error)


class Countdown:
    """An iterator that a user wrote."""

    def __init__(self, number):
        self.number = number

    def __iter__(self):
        return self

    def __next__(self):
        if not self.number:
            raise StopIteration
        self.number -= 1
        return self.number


@types.coroutine
def pause(value):
    sent = yield value
    return sent


@contextlib.contextmanager
def managed(log):
    log.append("managed enters")
    try:
        yield "managed"
    finally:
        log.append("managed exits")


def plain(log):
    x = yield 1
    log.append(x)
    y = (yield 2), (yield 3)
    log.append(y)
    return [x, y]


def over(make):
    def loop(log):
        for item in make():
            log.append(item)
            yield item
        else:
            log.append("else")
        yield "end"

    return loop


def nested_loops(log):
    for i in range(2):
        for j in "ab":
            for k in [10, 20]:
                if k == 20 and j == "a":
                    break
                yield i, j, k
            else:
                continue
            yield "broken", i, j
    return "done"


def while_loop(log):
    total = 0
    while total < 5:
        step = yield total
        total += step or 2
    else:
        yield "else"


def with_blocks(log):
    with Manager(log, "a") as a, Manager(log, "b", swallow=True) as b:
        yield a + b
        with Manager(log, "c"):
            yield "inside"
        yield "between"
        raise Boom(1)
    yield "swallowed"
    with managed(log) as m:
        yield m


def try_each_phase(log):
    try:
        yield "try"
        raise Boom(2)
    except Boom as error:
        yield "except %s" % error
        try:
            yield "nested try"
            {}["missing"]
        except (KeyError, IndexError):
            yield "nested except"
            log.append(repr(sys.exc_info()[1]))
        log.append(repr(error))
    else:
        yield "never"
    finally:
        yield "finally"
        log.append("left")
    try:
        yield "second try"
    except Boom:
        yield "never"
    else:
        yield "else"
    finally:
        yield "second finally"


def reraises(log):
    try:
        try:
            yield 1
            raise Boom(3)
        except Boom:
            yield 2
            raise
        finally:
            yield 3
    except Boom as error:
        yield "outer %s" % error
        raise ValueError("last") from error


def returns_in_finally(log):
    for i in range(3):
        try:
            yield i
            if i == 1:
                return "early"
        finally:
            yield "finally", i
            log.append(i)


def stack_of_values(log):
    result = [1, (yield "a"), {"k": (yield "b"), "l": [(yield "c")]}, f"{(yield 'd')}-{(yield 'e')!r:>5}"]
    log.append(result)
    log.append(max((yield "f"), (yield "g"), key=lambda v: v or 0))
    log.append((yield 1) + (yield 2) if (yield 0) is None else "other")
    x = y = yield "chain"
    log.append((x, y))
    a, *b = (yield 3), (yield 4), (yield 5)
    log.append((a, b))
    data = [0, 0]
    data[(yield 6) or 0] = yield 7
    log.append(data)


def arguments(log, *args, key=None, **rest):
    log.append((args, key, rest))
    print_to = io.StringIO()
    print("a", (yield 1), *[(yield 2), (yield 3)], sep=(yield 4) or "|", file=print_to)
    log.append(print_to.getvalue())
    return sorted(rest)


def comprehensions(log):
    squares = [x * x for x in range(4)]
    yield squares
    pairs = {a: b for a, b in zip("xyz", squares) if b}
    yield pairs
    total = sum(v for v in pairs.values())
    yield total
    deep = [[y + x for y in range(2)] for x in range(2)]
    yield deep
    return {c for c in "aab"} == {"a", "b"}


def closures(log):
    count = 0

    def add(by=1):
        nonlocal count
        count += by
        return count

    yield add
    log.append(add(2))
    yield count
    later = [lambda i=i: (i, count) for i in range(2)]
    yield "made"
    count = 10
    log.append([f() for f in later])


def class_body(log):
    value = 3

    class Local:
        attribute = value

        def method(self):
            return self.attribute + value

        @property
        def twice(self):
            return self.method() * 2

        def __repr__(self):
            return "<Local %d>" % self.attribute

    one = Local()
    yield "class"
    log.append((one.method(), one.twice, repr(one)))
    value = 4
    yield "again"
    log.append((one.method(), super(Local, one).__repr__ is not None))


def delegates(log):
    first = yield from plain(log)
    log.append(first)
    yield from [7, 8]
    yield from nested_loops(log)
    return (yield from iter(Countdown(2)))


def walrus(log):
    while (n := (yield "n")) is None and len(log) < 3:
        log.append(n)
    log.append([last := i for i in range(3)] and last)
    yield last


def deletes(log):
    a, b = 1, 2
    yield a
    del a
    yield b
    try:
        log.append(a)
    except UnboundLocalError:
        log.append("unbound")
    a = 5
    yield a


def stars(log):
    first, *middle, last = range(5)
    yield first, middle, last
    merged = {"a": 1, "b": (yield "in dict")}
    yield merged
    listed = [*middle, (yield "in list"), *"xy"]
    return listed


def generator_in_generator(log):
    inner = (x * 2 for x in range(4) if x % 2 == 0)
    yield next(inner)
    for value in inner:
        yield value
    log.append(list(itertools.islice(inner, 1)))


def many_constants(log):
    table = dict(enumerate("abcdefghij" * 30))
    for number in range(0, 300, 90):
        yield table[number]


async def awaits(log):
    log.append(await pause("one"))
    values = [await pause(i) for i in range(2)]
    log.append(values)
    return await inner_coroutine(log)


async def inner_coroutine(log):
    try:
        await pause("inner")
        raise Boom(4)
    except Boom:
        await pause("handling")
        return sys.exc_info()[1].code


async def async_with(log):
    async with Manager(log, "x") as x:
        await pause(x)
        async with Manager(log, "y", swallow=True):
            await pause("within")
            raise Boom(5)
    return "after"


async def numbers(log):
    try:
        for i in range(2):
            await pause("before %d" % i)
            yield i
            log.append("yielded %d" % i)
    finally:
        await pause("closing")
        log.append("closed")


async def async_for(log):
    async for number in numbers(log):
        await pause(number)
        log.append(number)
    else:
        await pause("else")
    return [n async for n in numbers(log)]


def iterators():
    """What makes an iterator of each kind that a loop may be in."""
    return {
        "list": lambda: [1, 2, 3],
        "tuple": lambda: (1, 2, 3),
        "range": lambda: range(3),
        "long_range": lambda: range(2**70, 2**70 + 2),
        "str": lambda: "abc",
        "unicode": lambda: "a\u20ac\U0001f600",
        "bytes": lambda: b"abc",
        "bytearray": lambda: bytearray(b"ab"),
        "dict": lambda: {"a": 1, "b": 2},
        "dict_items": lambda: {"a": 1, "b": 2}.items(),
        "dict_values": lambda: {"a": 1, "b": 2}.values(),
        "set": lambda: {3},
        "frozenset": lambda: frozenset([4]),
        "deque": lambda: collections.deque([1, 2]),
        "ordered": lambda: collections.OrderedDict([("x", 1), ("y", 2)]),
        "reversed": lambda: reversed([1, 2]),
        "enumerate": lambda: enumerate("ab"),
        "zip": lambda: zip("ab", [1, 2]),
        "map": lambda: map(str, [1, 2]),
        "filter": lambda: filter(None, [0, 1, 2]),
        "chain": lambda: itertools.chain([1], [2]),
        "count": lambda: itertools.islice(itertools.count(5), 2),
        "product": lambda: itertools.product("ab", [1]),
        "own": lambda: Countdown(2),
        "callable": lambda: iter(iter([1, 2, None]).__next__, None),
        "sequence": lambda: Indexed(),
        "generator": lambda: (c for c in "ab"),
        "enumerate_own": lambda: enumerate(Countdown(2)),
        "zip_own": lambda: zip(Countdown(3), "ab", (n for n in range(2))),
        "map_own": lambda: map(str, Countdown(2)),
        "filter_own": lambda: filter(None, Countdown(3)),
        "chain_own": lambda: itertools.chain([7], Countdown(2)),
        "islice_own": lambda: itertools.islice(Countdown(5), 1, 4),
        "takewhile_own": lambda: itertools.takewhile(bool, Countdown(3)),
        "enumerate_deque": lambda: enumerate(collections.deque("xyz")),
    }


class Indexed:
    def __getitem__(self, index):
        if index > 2:
            raise IndexError
        return index * 10


def shapes():
    found = [
        plain,
        nested_loops,
        while_loop,
        with_blocks,
        try_each_phase,
        reraises,
        returns_in_finally,
        stack_of_values,
        comprehensions,
        closures,
        class_body,
        delegates,
        walrus,
        deletes,
        stars,
        generator_in_generator,
        many_constants,
        awaits,
        async_with,
        async_for,
    ]
    named = [(shape.__name__, shape) for shape in found]
    named += [("over_" + name, over(make)) for name, make in iterators().items()]
    named.append(("arguments", lambda log: arguments(log, 1, 2, key="k", extra=3)))
    folder = os.path.dirname(os.path.abspath(__file__))
    for minor in range(9, sys.version_info[1] + 1):
        path = os.path.join(folder, "generators_3_%d.py" % minor)
        if os.path.exists(path):
            names = dict(globals())
            with open(path) as file:
                exec(compile(file.read(), path, "exec"), names)
            named += names["newer_shapes"]()
    return named


def described(value):
    """Without addresses."""
    if isinstance(value, types.FunctionType):
        return "function " + value.__qualname__
    return repr(value)


def step(machine, send=None):
    """One step, told; None when it has ended."""
    try:
        return "yielded " + described(machine.send(send))
    except StopIteration as stop:
        return "returned " + described(stop.value)
    except Exception as error:
        return "raised %s: %s, from %r" % (type(error).__name__, error, error.__cause__)


def finish(machine, log):
    """All that it does from here on."""
    told = []
    for number in range(200):
        told.append(step(machine, None if number % 3 else number or None))
        if not told[-1].startswith("yielded"):
            break
    return [told, [described(entry) for entry in log]]


def suspended(shape):
    """One for each point: not started, at the first, at the second …"""
    points = []
    for count in range(200):
        log = []
        machine = shape(log)
        last = None
        for number in range(count):
            last = step(machine, None if number % 3 else number or None)
        if last is not None and not last.startswith("yielded"):
            return points
        points.append((machine, log))
    return points


def main():
    held = [(name, suspended(shape)) for name, shape in shapes()]
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    told = [[name, [finish(*point) for point in points]] for name, points in held]
    print(json.dumps({"told": told}), flush=True)
    print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    main()
