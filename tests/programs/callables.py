"""What a program can be asked: expressions over the variables of main(), told before and after it is captured.

It tells on stdout that it is ready, and after a line on stdin what each of the expressions gave, in their order. A
replay in which captured code may run has to give the same.
"""

import collections
import dataclasses
import enum
import functools
import json
import math
import os
import sys
import threading


class Vector:
    """Operators, properties, class and static methods, __slots__."""

    __slots__ = ("x", "y")
    made = 0

    def __init__(self, x, y=0):
        self.x, self.y = x, y
        Vector.made += 1

    def __repr__(self):
        return "Vector(%r, %r)" % (self.x, self.y)

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __radd__(self, number):
        return Vector(number + self.x, self.y)

    def __iadd__(self, other):
        self.x += other.x
        return self

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __eq__(self, other):
        return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __lt__(self, other):
        return self.norm < other.norm

    def __bool__(self):
        return bool(self.x or self.y)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __contains__(self, value):
        return value in (self.x, self.y)

    def __call__(self, *args, **kwargs):
        return args, sorted(kwargs.items())

    def __format__(self, spec):
        return "<%s|%s>" % (self.x, spec)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True

    @property
    def norm(self):
        return math.hypot(self.x, self.y)

    @norm.setter
    def norm(self, value):
        self.x, self.y = value, 0

    @classmethod
    def unit(cls):
        return cls(1)

    @staticmethod
    def zero():
        return Vector(0)


class Base:
    registry = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__()
        Base.registry.append((cls.__name__, sorted(options)))

    def who(self):
        return ["Base"]

    def __getattr__(self, name):
        if name.startswith("dyn_"):
            return name[4:]
        raise AttributeError(name)


class Mixin:
    def who(self):
        return ["Mixin"] + super().who()


class Derived(Mixin, Base, tag=1):
    def who(self):
        return ["Derived"] + super().who()


class Described:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        return (self.name, instance is None)


class Deleted:
    """Leaves a trace when it goes."""

    gone = []

    def __init__(self, name):
        self.name = name

    def __del__(self):
        Deleted.gone.append(self.name)


class Holder:
    field = Described()

    @functools.cached_property
    def once(self):
        CALLS.append("once")
        return len(CALLS)


class Failure(Exception):
    def __init__(self, code, **details):
        super().__init__("failed with %d" % code)
        self.code, self.details = code, details

    def __str__(self):
        return "Failure %d %s" % (self.code, self.details)


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    def lower(self):
        return self.name.lower()


@dataclasses.dataclass(order=True)
class Item:
    name: str
    count: int = 3
    tags: list = dataclasses.field(default_factory=list)

    def total(self):
        return self.count * LIMIT


class Names(dict):
    def __missing__(self, key):
        return "no " + key


CALLS = []
LIMIT = 10


def counter(start=0):
    count = start

    def step(by=1, *, times=1):
        nonlocal count
        count += by * times
        return count

    def read():
        return count

    return step, read


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        CALLS.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


@decorated
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.lru_cache(maxsize=None)
def cached(n):
    CALLS.append(("cached", n))
    return n * LIMIT


@functools.lru_cache(maxsize=5, typed=True)
def limited(value):
    CALLS.append(("limited", value))
    return [value]


def numbers(limit):
    for n in range(limit):
        received = yield n
        if received:
            yield ("got", received)


def imports_something():
    import colorsys
    from xml.sax.saxutils import escape

    return escape("<a>"), colorsys.rgb_to_hsv(1, 0, 0)


def raises(code):
    try:
        {}[code]
    except KeyError as error:
        raise Failure(code, key="k") from error


def change_global(value):
    global LIMIT
    LIMIT = value
    return LIMIT


# In each of the variables of main().
EXPRESSIONS = """
vector + Vector(1, 1)
1 + vector
-vector
vector.norm
setattr(vector, "norm", 7)
vector
vector == Vector(7)
hash(vector) == hash(Vector(7))
sorted([vector, Vector(1), Vector(3)])
bool(Vector(0)), len(vector), vector[0], 7 in vector, list(vector)
vector(1, 2, key=3)
f"{vector:abc}"
Vector.unit(), Vector.zero(), vector.unit()
Vector.made
{vector: 1}[Vector(7)]
derived.who()
derived.dyn_thing
derived.missing
Base.registry
type("More", (Base,), {}, option=1).__mro__[1] is Base
Base.registry
holder.field, Holder.field
holder.once, holder.once, CALLS[-1]
step(), step(5), step(by=2, times=3), read()
bound()
partial(3)
square(5), [f(10) for f in functions]
fibonacci(5), len(CALLS)
cached(3), cached(4), cached(4), CALLS[-1], cached.cache_info().currsize
limited(3), limited(4), limited("x"), CALLS[-1], limited.__wrapped__(9)
next(generator), generator.send("x"), list(generator)
list(fresh)
next(finished, "ended")
imports_something()
raises(3)
error.code, str(error), error.details
Color.RED.lower(), Color(2), Color["RED"] is Color.RED
item.total(), item < Item("z"), item
names["x"]
change_global(3), item.total(), LIMIT
ordered(Item("b"), Item("a"))
compose(len, sorted)("hello")
string.capwords("a b"), os.path.join("a", "b"), math.sqrt(16.0)
collections.Counter("hello").most_common(1)
collections.namedtuple("Pair", "a b")(1, 2)._replace(b=3)
point._replace(x=5), point.sum()
event.is_set(), event.set(), event.is_set()
(lambda a, /, b=2, *c, d=4, **e: (a, b, c, d, e))(1)
late()
""".strip().splitlines()


# What this needs no captured code names: the rest of dataclasses, with markers of which each process has its own.
BEYOND = "dataclasses.replace(item, count=1)"


class Point(collections.namedtuple("Point", "x y")):
    def sum(self):
        return self.x + self.y


def evaluate(expressions, names):
    """What each gives, told."""
    told = []
    for expression in expressions:
        try:
            told.append(repr(eval(expression, globals(), names)))
        except Exception as error:
            told.append("%s: %s" % (type(error).__name__, error))
    return told


def main():
    vector = Vector(3, 4)
    derived, holder = Derived(), Holder()
    step, read = counter(10)
    step()
    bound = vector.zero
    partial = functools.partial(Vector, 1)
    square = lambda x: x * x  # noqa: E731
    functions = [lambda x, i=i: x + i + read() for i in range(3)]
    cached(3)
    limited(3)
    limited("x")
    generator, fresh, finished = numbers(4), numbers(2), numbers(0)
    next(generator)
    list(finished)
    try:
        raises(5)
    except Failure as failure:
        error = failure
    item = Item("pen", tags=["t"])
    names = Names(a=1)
    point = Point(1, 2)
    event = threading.Event()
    kept = Deleted("captured")  # noqa: F841

    def ordered(*items):
        return sorted(items)

    def compose(*calls):
        return lambda value: functools.reduce(lambda v, f: f(v), reversed(calls), value)

    def late():
        return later + 1

    later = 41
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"told": evaluate(EXPRESSIONS, locals())}), flush=True)
    print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    main()
