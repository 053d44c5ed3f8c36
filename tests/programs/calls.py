"""Calls and returns in all the ways there are, over and over, until stdin is closed: for tests that stop it anywhere.

Runs on CPython 3.8 and later, with the standard library only.
"""

import functools
import gc
import select
import sys


def plain(a, b=2, *args, **kwargs):
    return a + b


def nested(depth):
    return plain(depth) if depth == 0 else nested(depth - 1)


def generate(count):
    for number in range(count):
        yield plain(number)


def delegate():
    yield from generate(2)
    return [plain(x) for x in (1, 2)]


async def inner():
    return plain(1)


async def outer():
    return await inner()


def fail():
    try:
        raise KeyError(plain(1))
    finally:
        plain(2)


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return plain(1) > 0

    def __del__(self):
        plain(3)

    @property
    def value(self):
        return plain(4)

    def __getattr__(self, name):
        return plain(5)

    def __lt__(self, other):
        return plain(6) < 9


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


@functools.lru_cache(maxsize=None)
def cached(key):
    return plain(key)


STATEMENT = compile("plain(8)", "<statement>", "exec")


def grow():
    """Text that is extended where it is, while a local variable holds it."""
    text = ""
    for piece in ("a", "b" * 600):
        text += piece
        text += piece
    return text


def work():
    grow()
    plain(1)
    plain(1, b=3)
    plain(*(1, 2), c=3)
    nested(5)
    sorted((3, 1, 2), key=lambda x: plain(x))
    list(map(plain, (1, 2)))
    list(generate(2))
    list(delegate())
    {plain(x): nested(1) for x in (1, 2)}
    drive(outer())
    with Manager() as manager:
        plain(manager.value, manager.missing)
        try:
            fail()
        except KeyError:
            plain(3)
    sorted((Manager(), Manager()))
    exec(STATEMENT)
    cached.cache_clear()
    cached(1)
    # More than what is left of a chunk of the data stack.
    nested(40)
    unfinished = generate(3)
    next(unfinished)
    unfinished.close()


def main():
    # Nothing but calls: these take many instructions.
    gc.disable()
    work()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        work()


main()
