"""Every call of every shape of function, blocked in a thread of its own; and what the shapes come to undisturbed."""

import _thread
import json
import os
import sys
import threading

reading, writing = os.pipe()


class Resumed(Exception):
    pass


class Manager:
    def __init__(self, step, swallows=False):
        self.step = step
        self.swallows = swallows

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.step(("exit", kind is not None))
        return self.swallows


class Items:
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))


def loops(step):
    total = []
    for item in [step(1), step(2)]:
        total.append(step(item))
    for item in (3, 4):
        total.append(step(item) + 1)
    for key in {"a": 5}:
        total.append((key, step(6)))
    for index, (left, right) in enumerate(zip("xy", Items(2))):
        total += [(index, left, step(right))]
    for letter in "ab":
        total.append(step(letter))
    for item in (each for each in [7, 8]):
        total.append(step(item))
    for item in map(str, filter(None, [0, 9])):
        total.append(step(item))
    for item in reversed([10, 11]):
        if item == 10:
            continue
        total.append(step(item))
    else:
        total.append(step("else"))
    while len(total) < 18:
        total.append(step(len(total)))
        if len(total) == 17:
            break
    return total


def with_blocks(step):
    found = []
    with Manager(step) as outer, Manager(step, swallows=True) as inner:
        found.append(step(outer is inner))
        for item in range(2):
            with Manager(step):
                found.append(step(item))
                if item == 1:
                    raise ValueError(step("in with"))
    found.append(step("behind"))
    for item in range(3):
        with Manager(step):
            if item == 0:
                continue
            found.append(step(item))
            break
    return found


def returns_from_with(step):
    with Manager(step):
        for item in range(3):
            with Manager(step):
                return [item, step("returned")]
    return None


def exceptions(step):
    found = []
    try:
        found.append(step("try"))
        raise KeyError(step("key"))
    except KeyError as error:
        found.append((step("except"), error.args))
        try:
            raise ValueError("inner") from error
        except ValueError as other:
            found.append((step("inner"), repr(other.__cause__), repr(sys.exc_info()[1])))
        found.append((repr(sys.exc_info()[1]), step("outer")))
    else:
        found.append(step("never"))
    finally:
        found.append((step("finally"), repr(sys.exc_info()[1])))
    try:
        try:
            found.append(step("without"))
        finally:
            found.append((step("finally without"), repr(sys.exc_info()[1])))
        try:
            raise LookupError("through")
        finally:
            found.append((step("finally with"), repr(sys.exc_info()[1])))
    except LookupError as error:
        found.append((step("handled"), repr(error.__context__)))
    try:
        try:
            raise OSError("again")
        except OSError:
            found.append(step("before raise"))
            raise
    except OSError as error:
        found.append((repr(error), step("raised again")))
    return found


def returns_from_finally(step):
    for item in range(3):
        try:
            try:
                return [step(item)]
            finally:
                step("first")
        finally:
            step("second")
    return None


def nested_calls(step):
    def add(*values, **named):
        return sum(values) + sum(named.values())

    return add(step(1), add(step(2), *[step(3), step(4)], n=step(5)), *(6, step(7)), k=step(8)) + step(9) * (
        step(10) - step(11)
    )


def displays(step):
    name = "v"
    return (
        [step(1), {step(2): step(3), "k": step(4)}, {step(5), step(6)}],
        f"{step(7)!r:>4}{name}{step(8)}",
        step([1, 2, 3])[step(0) : step(2)],
        1 < step(9) < step(10) < 20,
        step(0) or step(11) and step(12),
        step(1) if step(True) else step(13),
        (walrus := step(14)) + walrus,
    )


def comprehensions(step):
    base = 10
    return (
        [step(item) + base for item in range(2)],
        {step(item): item for item in range(2)},
        {step(item) for item in "ab"} == {"a", "b"},
        [[step((item, other)) for other in range(item)] for item in range(3)],
        [item for item in range(3) if step(item)],
    )


def closures(step):
    count = 0

    def bump(by):
        nonlocal count
        count += step(by)
        return lambda: (count, step(by))

    first = bump(1)
    second = bump(2)
    return first(), second(), count


def methods(step):
    class Base:
        def value(self, item):
            return step(item)

        @property
        def told(self):
            return 1

    class Derived(Base):
        def value(self, item):
            return super().value(item) + step(self.told)

    each = Derived()
    bound = each.value
    return each.value(1), bound(2), Base.value(each, step(3))


def assignments(step):
    class Holder:
        pass

    holder = Holder()
    holder.value = step(1)
    holder.value += step(2)
    items = [0, 0]
    items[step(0)] = step(3)
    items[step(1)] += step(4)
    first, *rest, last = step((1, 2, 3, 4))
    del items[step(0)]
    assert step(True), "message"
    return holder.value, items, first, rest, last


def many_variables(step):
    scope = {}
    names = ["v%d" % number for number in range(300)]
    lines = ["def many(step):", *("    %s = %d" % (name, number) for number, name in enumerate(names))]
    lines += ["    return [step(1), [%s], step(v299)]" % ", ".join(names)]
    exec("\n".join(lines), scope)
    return scope["many"](step)


def recursion(step, depth=4):
    if depth == 0:
        return step("bottom")
    return [step(depth), recursion(step, depth - 1)]


def generators(step):
    def numbers():
        sent = yield step("first")
        try:
            second = step("second")
        finally:
            step("finally")
        yield second, sent
        return step("returned")

    def outer():
        result = yield from numbers()
        yield step(result)

    found = []
    for value in outer():
        found.append((value, step("body")))
    each = numbers()
    found.append(next(each))
    found.append(each.send(step(5)))
    found.append(next(each, "default"))
    found.extend([step(value) + 1 for value in (step(item) for item in (1, 2))])
    return found


def coroutines(step):
    class Once:
        def __await__(self):
            got = yield step("yielded")
            return step(got)

    class Context:
        async def __aenter__(self):
            return step(await Once())

        async def __aexit__(self, kind, error, trace):
            step(("exit", kind is not None))

    async def inner():
        return [step("inner"), await Once()]

    async def outer():
        first = await inner()
        async with Context() as entered:
            return first, entered, step("outer")

    each = outer()
    found = [each.send(None), each.send("sent")]
    try:
        each.send("again")
    except StopIteration as stop:
        found.append(stop.value)
    return found


def classes(step):
    class Base:
        def __init__(self, value):
            self.value = step(value)

    class Derived(Base):
        def __init__(self, value):
            super().__init__(value)
            self.more = step("more")

    each = [Base(step(1)), Derived(2)]
    return [vars(one) for one in each], type(each[1]).__name__


def through_c(step):
    """Calls that C code goes on with: their callers do not."""

    class Special:
        inner = step("class body")

        def __add__(self, other):
            return step(other)

        def __getitem__(self, item):
            return step(item)

        def __len__(self):
            return step(3)

    each = Special()
    return each + 1, each["item"], len(each), sorted([2, 1], key=step), list(map(step, "ab"))


SHAPES = [
    loops,
    with_blocks,
    returns_from_with,
    exceptions,
    returns_from_finally,
    nested_calls,
    displays,
    comprehensions,
    closures,
    methods,
    assignments,
    many_variables,
    recursion,
    generators,
    coroutines,
    classes,
    through_c,
]

if sys.version_info >= (3, 10):
    exec(
        """
def matching(step):
    found = []
    for subject in ([1, 2], {"k": 3}, "s", 5):
        match subject:
            case [first, *rest] if step(first):
                found.append((rest, step("list")))
            case {"k": value, **others}:
                found.append((value, step("dict")))
            case str() as text if step(text):
                found.append(step("str"))
            case _:
                found.append(step("else"))
    return found

SHAPES.append(matching)
"""
    )

if sys.version_info >= (3, 11):
    exec(
        """
def groups(step):
    found = []
    try:
        raise ExceptionGroup("both", [ValueError(1), KeyError(2)])
    except* ValueError as error:
        found.append((len(error.exceptions), step("values")))
    except* KeyError as error:
        found.append((step("keys"), len(error.exceptions)))
    return found

SHAPES.append(groups)
"""
    )


def block(how):
    if how == "raise":
        raise Resumed("here")
    if how == "wait":
        return os.read(reading, 1)
    return b""


def enter(shape, stop, how):
    """What the shape comes to, when its call number `stop` ends in this way."""
    told = []

    def step(value):
        told.append(repr(value))
        if len(told) == stop:
            block(how)
        return value

    try:
        value = repr(shape(step))
    except Exception as error:
        value = repr(error)
    return [value, told]


def in_the_pipe():
    """How many threads wait for the pipe."""
    found = 0
    for task in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/syscall" % task) as file:
            call = file.read().split()
        found += call[0] == "0" and int(call[1], 16) == reading
    return found


def main():
    threading.stack_size(256 * 1024)
    oracle = {}
    started = 0
    for shape in SHAPES:
        undisturbed = enter(shape, 0, "")
        for stop in range(1, len(undisturbed[1]) + 1):
            oracle["%s %d" % (shape.__name__, stop)] = [undisturbed, enter(shape, stop, "raise")]
            _thread.start_new_thread(enter, (shape, stop, "wait"))
            started += 1
    while in_the_pipe() < started:
        os.sched_yield()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"calls": oracle}), flush=True)
    print(json.dumps({"done": True}), flush=True)
    # The threads are left where they are.
    os._exit(0)


if __name__ == "__main__":
    main()
