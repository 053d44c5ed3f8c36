"""Holds suspended coroutines and generators; `chains` is what Python itself says of each: its frames and its leaf.

Python has no word for what C puts between two of them: the garbage collector knows what that refers to.
"""

import asyncio
import gc
import sys
import types

import oracle

suite = oracle.Suite()


class Turn:
    def __await__(self):
        yield "turn"


class Passing:
    """Awaited through what a coroutine's own __await__() gives."""

    def __await__(self):
        return waits().__await__()


async def waits():
    await Turn()


async def nested():
    await waits()


async def numbers():
    try:
        yield 1
        await Turn()
        yield 2
    finally:
        await Turn()


async def for_loop():
    async for _ in numbers():
        pass


async def comprehension():
    return [number async for number in numbers()]


async def closes():
    made = numbers()
    await made.__anext__()
    await made.aclose()


async def next_or_default():
    made = numbers()
    await made.__anext__()
    return await eval("anext")(made, 0)


async def waits_for_future(future):
    await future


async def passes():
    await Passing()


@types.coroutine
def old_style():
    yield from waits().__await__()


async def awaits_old_style():
    await old_style()


def yields_from_list():
    yield from iter([1, 2])


def yields_from_generator():
    yield from yields_from_list()


def begun(suspended):
    suspended.send(None)
    return suspended


ATTRIBUTES = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
BETWEEN = ("async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper", "FutureIter")
SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType, asyncio.Future)


def is_between(value):
    return type(value).__name__ in BETWEEN


def leads_on(value):
    return isinstance(value, SUSPENDED) or is_between(value)


def chain_of(suspended):
    """[function, line] of each frame, outermost first, and the type of what the last one waits on."""
    frames = []
    leaf = None
    while suspended is not None:
        found = [names for names in ATTRIBUTES if hasattr(suspended, names[0])]
        if found:
            ((frame, waits_on),) = found
            frames.append([getattr(suspended, frame).f_code.co_name, getattr(suspended, frame).f_lineno])
            leaf = suspended = getattr(suspended, waits_on)
            continue
        leaf = suspended
        suspended = next(filter(leads_on, gc.get_referents(leaf)), None) if is_between(leaf) else None
        leaf = suspended or leaf
    return frames, None if leaf is None else oracle.type_name(type(leaf))


HELD = {}


@suite.shape
def holds():
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    chain = begun(nested())
    by_for_loop = begun(for_loop())
    by_comprehension = begun(comprehension())
    closing = begun(closes())
    by_anext = begun(next_or_default()) if sys.version_info >= (3, 10) else None
    by_future = begun(waits_for_future(future))
    by_wrapper = begun(passes())
    by_generator = begun(awaits_old_style())
    from_list = begun(yields_from_list())
    from_generator = begun(yields_from_generator())
    HELD.update(locals())
    oracle.park()
    HELD.clear()
    # Closing one that waits in a `finally` would wait again.
    return (
        chain,
        by_for_loop,
        by_comprehension,
        closing,
        by_anext,
        by_future,
        by_wrapper,
        by_generator,
        from_list,
        (
            from_generator,
            loop.close(),
        ),
    )


suite.after(
    "chains",
    lambda: {
        name: chain_of(value)
        for name, value in HELD.items()
        if isinstance(value, (types.CoroutineType, types.GeneratorType))
    },
)

if __name__ == "__main__":
    suite.main()
