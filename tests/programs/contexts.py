"""Frames inside of with statements of every kind; `contexts` is what the context managers themselves say."""

# ruff: noqa: SIM117 - statements are nested here to be nested

import contextlib
import io
import sys
import types

import oracle

suite = oracle.Suite()

ACTIVE = {}  # what each function is inside of, outermost first


class Manager:
    """Knows who entered it, where, and what is written behind `as`."""

    is_async = False

    def __init__(self, target=None, value=None, depth=1):
        frame = sys._getframe(depth)
        self.value = value
        self.function = frame.f_code.co_name
        self.entry = {
            "varname": target,
            "line": frame.f_lineno,
            "id": hex(id(self)),
            "is_async": self.is_async,
            "is_exiting": False,
            "is_entering": False,
        }

    def enters(self):
        ACTIVE.setdefault(self.function, []).append(self.entry)
        return self.value

    def leaves(self):
        self.entry["is_exiting"] = True

    def has_left(self):
        ACTIVE[self.function].remove(self.entry)

    def __enter__(self):
        return self.enters()

    def __exit__(self, *exception):
        self.leaves()
        self.has_left()


class Entered(Manager):
    """By an ExitStack and not by a with statement."""

    def enters(self):
        return self.value

    def has_left(self):
        pass


def known(manager, target=None):
    """Of a manager that cannot tell; it is entered at once."""
    entry = Manager(target, depth=2)
    entry.entry["id"] = hex(id(manager))
    entry.enters()
    return manager


class ParkingFirst(Manager):
    def __enter__(self):
        self.entry["is_entering"] = True
        self.enters()
        oracle.park()
        self.entry["is_entering"] = False
        return self.value


class Parking(Manager):
    def __exit__(self, *exception):
        self.leaves()
        oracle.park()
        self.has_left()


class Forgiving(Parking):
    def __exit__(self, *exception):
        super().__exit__(*exception)
        return True


class Turn:
    def __await__(self):
        yield self


class Async(Manager):
    is_async = True

    async def __aenter__(self):
        return self.enters()

    async def __aexit__(self, *exception):
        self.leaves()
        await Turn()
        self.has_left()


class AsyncEntered(Async):
    """Likewise."""

    def enters(self):
        return self.value

    def has_left(self):
        pass


class Box:
    pass


box = Box()
box.items = {}
box.list = [0, 0, 0]


# ---- what is written behind `as`


@suite.shape
def targets():
    global of_module
    cell = "k"
    with Manager("plain", 1) as plain, Manager("of_module", 2) as of_module, Manager():
        with Manager("box.attribute", 3) as box.attribute, Manager("box.items['key']", 4) as box.items["key"]:
            with Manager("box.items[cell]", 5) as box.items[cell], Manager("box.list[-1]", 6) as box.list[-1]:
                with Manager("(first, (second, *others))", (1, (2, 3, 4))) as (first, (second, *others)):
                    with Manager("(box.one, box.list[1])", (1, 2)) as (box.one, box.list[1]):
                        with Manager("(alone,)", [1]) as [alone]:
                            with Manager("cell", "k") as cell:
                                oracle.park()
    return plain, of_module, first, second, others, alone, lambda: cell


@suite.shape
def several_lines():
    with Manager(
        "first",
        1,
    ) as first, Manager("second", 2) as second, \
            Manager("third", 3) as third:  # fmt: skip
        oracle.park()
    return first, second, third


def many_constants():
    numbers = "".join("    total += %d.5\n" % number for number in range(300))
    source = "def of_many_constants():\n    total = 0\n%s" % numbers
    source += "    with Manager('held', 1) as held, Manager('box.items[\\'last\\']', 2) as box.items['last']:\n"
    source += "%s        oracle.park()\n        return held, total\n" % numbers.replace("    ", "        ")
    names = dict(globals())
    exec(source, names)
    return names["of_many_constants"]


suite.shape(many_constants())


@suite.shape
def in_a_class():
    class Body:
        with Manager("inside", 1) as inside:
            oracle.park()

    return Body


# ---- leaving


@suite.shape
def enters():
    with Manager("outer") as outer:
        for number in range(2):
            with ParkingFirst("inner", number) as inner:
                pass
    return outer, inner


class EnteredSlowly(Async):
    async def __aenter__(self):
        self.entry["is_entering"] = True
        self.enters()
        await Turn()
        return self.value


async def waits_to_enter():
    with Manager("outer") as outer:
        async with EnteredSlowly("inner") as inner:
            assert outer and inner


@suite.shape
def falls_through():
    with Manager("outer") as outer, Parking("inner") as inner:
        pass
    return outer, inner


@suite.shape
def returns():
    with Manager("outer") as outer, Parking("inner") as inner:
        return [outer, inner]


@suite.shape
def returns_constant():
    with Manager(), Parking():
        return 1


@suite.shape
def breaks():
    with Manager():
        for number in range(3):
            with Manager(), Parking("inner") as inner:
                if number == 1:
                    break
                inner = number
                with contextlib.suppress(ValueError):
                    continue
    return inner


@suite.shape
def raises():
    with Manager():
        with known(contextlib.suppress(KeyError)):
            with known(contextlib.suppress(ValueError)):
                with Forgiving("inner") as inner:
                    raise KeyError(inner)
    ACTIVE["raises"].clear()


@suite.shape
def handles():
    with Manager("outer") as outer:
        try:
            with Manager():
                raise KeyError(outer)
        except KeyError:
            with Manager("inside") as inside:
                oracle.park()
        finally:
            inside = None
    return inside


@suite.shape
def in_finally():
    try:
        with Manager():
            pass
    finally:
        with Manager("late") as late:
            oracle.park()
    return late


class Odd:
    """What is called when it is left does not tell of it."""

    def __enter__(self):
        return self


class OfClass(Odd):
    @classmethod
    def __exit__(cls, *exception):
        pass


class Static(Odd):
    @staticmethod
    def __exit__(*exception):
        pass


class Another(Manager):
    def __call__(self, *exception):
        pass


class Borrowed(Odd):
    __exit__ = Another()


@suite.shape
def odd_ones():
    with OfClass() as of_class, Static() as static, Borrowed() as borrowed:
        oracle.park()
    return of_class, static, borrowed


class Raw(io.RawIOBase):
    """Written to when a BufferedWriter, whose __exit__ is in C, is left."""

    def writable(self):
        return True

    def write(self, data):
        ACTIVE["left_by_c"][-1]["is_exiting"] = True
        oracle.park()
        return len(data)


@suite.shape
def left_by_c():
    with Manager(), known(io.BufferedWriter(Raw()), "file") as file:
        file.write(b"text")
    ACTIVE["left_by_c"].clear()


# ---- suspended


@contextlib.contextmanager
def made_by_generator():
    with Manager("within", 1) as within:
        yield within


def generator():
    with Manager("one", 1) as one:
        with known(made_by_generator(), "two") as two, known(contextlib.ExitStack(), "stack") as stack:
            stack.enter_context(Entered())
            stack.callback(print, "bye", end="")
            stack.push(lambda *exception: None)
            yield one, two


def fresh_generator():
    with Manager():
        yield


def ended_generator():
    with Manager():
        yield


def running_generator():
    with Manager("running", 1) as running:
        oracle.park()
        yield running


async def leaves_by_falling_through():
    async with Async("outer", 1) as outer, Async("inner", 2) as inner:
        assert outer and inner


async def leaves_the_only_one():
    async with Async("only", 1) as only:
        assert only


async def leaves_by_return():
    async with Async("outer", 1) as outer:
        with Manager("between", 2) as between:
            async with Async("inner", 3) as inner:
                return outer, between, inner


async def leaves_by_break():
    for number in range(3):
        async with Async("inner", 2) as inner:
            if number < inner:
                break


async def leaves_by_exception():
    with Manager("outer", 1) as outer:
        async with Async():
            raise KeyError(outer)


async def waits_inside():
    async with Async("outer", 1) as outer, known_async(contextlib.AsyncExitStack(), "stack") as stack:
        await stack.enter_async_context(AsyncEntered())
        stack.push_async_callback(leaves_by_break)
        await Turn()
        return outer


def known_async(manager, target):
    entry = Manager(target, depth=2)
    entry.entry["id"] = hex(id(manager))
    entry.entry["is_async"] = True
    entry.enters()
    return manager


async def after_throw():
    try:
        yield 1
    finally:
        async with Async("inner", 1) as inner:
            await Turn()
            assert inner


class Wrapped:
    """Waits for a coroutine as nobody can see who does not know this class."""

    def __init__(self, inner):
        self.inner = inner

    def __await__(self):
        return self

    __iter__ = __await__

    def __next__(self):
        return self.inner.send(None)


async def waits_wrapped():
    __tracebackhide__ = True
    await Wrapped(waits_inside_wrapped())


async def waits_inside_wrapped():
    with Entered("deep", 1) as deep:
        await Turn()
        return deep


HELD = {}


def begin(suspended):
    suspended.send(None)
    return suspended


def thrown_into():
    made = after_throw()
    with contextlib.suppress(StopIteration):
        made.__anext__().send(None)
    waiting = made.athrow(ValueError("thrown"))
    waiting.send(None)
    return made, waiting


@suite.shape
def holds():
    suspended = begin(generator())
    fresh = fresh_generator()
    ended = ended_generator()
    list(ended)
    falls = begin(leaves_by_falling_through())
    only = begin(leaves_the_only_one())
    by_return = begin(leaves_by_return())
    by_break = begin(leaves_by_break())
    by_exception = begin(leaves_by_exception())
    waits = begin(waits_inside())
    slow = begin(waits_to_enter())
    wrapped = begin(waits_wrapped())
    thrown, waiting = thrown_into()
    HELD.update(locals())
    next(running_generator())
    kept = (suspended, fresh, ended, falls, only, by_return, by_break, by_exception, waits, wrapped, slow)
    return (*kept, thrown, waiting)[:0]


# A frame of a traceback, that has ended.
@suite.shape
def has_handled():
    try:
        raises_inside()
    except KeyError:
        oracle.park()


def raises_inside():
    with Manager():
        raise KeyError("left")


class Failing(Manager):
    def __exit__(self, *exception):
        super().__exit__(*exception)
        raise KeyError("leaving")


@suite.shape
def has_handled_exit():
    try:
        fails_to_leave()
    except KeyError:
        oracle.park()


def fails_to_leave():
    with Manager(), Failing() as failing:
        return [failing]


def held_ids():
    return {name: hex(id(value)) for name, value in HELD.items() if isinstance(value, types.GeneratorType)}


suite.after("contexts", lambda: {name: [dict(entry) for entry in entries] for name, entries in ACTIVE.items()})
suite.after("held", held_ids)

if __name__ == "__main__":
    suite.main()
