"""Random object graphs, each made by its number alone, so that a target and whoever compares make the same ones.

    graphs.py COUNT FIRST    holds the graphs FIRST, FIRST + 1, … in a local of the frame `graphs`

Runs on CPython 3.8 and later, with the standard library only.
"""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import random
import sys
import types
import uuid


class Plain:
    pass


class Slotted:
    __slots__ = ("first", "second", "third")


class Both(Slotted):
    pass


class Listed(list):
    pass


class Keyed(dict):
    pass


class Counted(int):
    pass


class Named(str):
    __slots__ = ()


class Pointing:
    """Looked at by a program, this one misbehaves."""

    def __repr__(self):
        raise RuntimeError("asked to show itself")

    def __eq__(self, other):
        raise RuntimeError("asked to compare itself")

    def __hash__(self):
        return 7

    @property
    def first(self):
        raise RuntimeError("asked for a property")


class Color(enum.Enum):
    RED = 1
    GREEN = "green"


class Access(enum.IntFlag):
    READ = 4
    WRITE = 2


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Record:
    number: object
    text: object = "nothing"


def text_of(choose):
    alphabet = choose.choice(
        ("ab z", "\x00\n\x7f'\"\\", "éß\xff", "日本\u0416\u2028", "😀\U0010ffff", "a\ud800\udfff", "a\u0301")
    )
    length = choose.choice((0, 1, 2, 7, 40, 300))
    return "".join(choose.choice(alphabet) for _ in range(length))


def bytes_of(choose):
    return bytes(choose.randrange(256) for _ in range(choose.choice((0, 1, 5, 300))))


def int_of(choose):
    bits = choose.choice((0, 1, 8, 29, 30, 31, 60, 61, 63, 64, 65, 90, 400, 3000))
    return choose.choice((1, -1)) * (choose.getrandbits(bits) if bits else 0)


def float_of(choose):
    return choose.choice((0.0, -0.0, 1.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"), choose.random()))


def moment_of(choose):
    zone = choose.choice((None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=-210))))
    return datetime.datetime(
        choose.randint(1, 9999),
        choose.randint(1, 12),
        28,
        23,
        59,
        1,
        choose.randrange(10**6),
        zone,
        fold=choose.randrange(2),
    )


# Values without parts; those that can be keys.
HASHABLE = (
    lambda choose: None,
    lambda choose: choose.random() < 0.5,
    int_of,
    int_of,
    text_of,
    text_of,
    bytes_of,
    lambda choose: complex(float_of(choose), float_of(choose)),
    lambda choose: choose.choice((..., NotImplemented, int, Plain, Pair, Color.RED, Color.GREEN, Access.READ)),
    lambda choose: range(choose.randrange(-5, 5), choose.randrange(9), choose.choice((1, -2))),
    lambda choose: Counted(int_of(choose)),
    lambda choose: Named(text_of(choose)),
    lambda choose: uuid.UUID(int=choose.getrandbits(128)),
    lambda choose: fractions.Fraction(choose.randrange(-99, 99), choose.randrange(1, 99)),
    lambda choose: decimal.Decimal(
        choose.choice(("-0", "1E+9", "NaN", "-Infinity", "3.14159265358979323846264338327950288"))
    ),
    moment_of,
    lambda choose: datetime.timedelta(choose.randrange(-999, 999), choose.randrange(86400), choose.randrange(10**6)),
)
LEAVES = HASHABLE + (
    float_of,  # nan is not equal to itself
    lambda choose: bytearray(bytes_of(choose)),
    lambda choose: array.array(choose.choice("bHiqd"), [choose.randrange(99) for _ in range(choose.randrange(9))]),
    lambda choose: memoryview(bytes_of(choose)),
)


def key_of(choose, depth=2):
    if depth and choose.random() < 0.2:
        return tuple(key_of(choose, depth - 1) for _ in range(choose.randrange(4)))
    return choose.choice(HASHABLE)(choose)


def set_attributes(made, names, pick):
    for name in names:
        setattr(made, name, pick())
    return made


def new(cls):
    return cls.__new__(cls)


# Made of `pick`, which gives a part, and `choose`; parts may be added to what is made until the graph is done.
def some(choose, pick):
    return [pick() for _ in range(choose.choice((0, 1, 2, 3, 8)))]


def keyed(choose, pick):
    return [(key_of(choose), pick()) for _ in range(choose.choice((0, 1, 2, 5, 12)))]


def function_of(choose, pick):
    kept = pick()

    def function(argument=None, *, keyword=None):
        return kept, argument, keyword

    function.__defaults__ = (pick(),)
    function.__kwdefaults__ = {"keyword": pick()}
    function.mark = pick()
    return function


def functions_of_one_cell(choose, pick):
    shared = pick()

    def get():
        return shared

    def put(value):
        nonlocal shared
        shared = value

    return choose.choice(([get, put], (get, (put, put))))


def caused_error(choose, pick):
    error = KeyError(pick())
    error.__cause__ = choose.choice((None, OSError(2, "no such thing"), error))
    error.__context__ = ArithmeticError(pick())
    return error


def chain_of(choose, pick):
    chain = pick()
    for _ in range(choose.choice((3, 60))):
        chain = choose.choice((lambda held: [held], lambda held: (held, 0), lambda held: {"next": held}))(chain)
    return [chain]


HOLDERS = (
    lambda choose, pick: some(choose, pick),
    lambda choose, pick: some(choose, pick),
    lambda choose, pick: tuple(some(choose, pick)),
    lambda choose, pick: dict(keyed(choose, pick)),
    lambda choose, pick: dict(keyed(choose, pick)),
    lambda choose, pick: {key_of(choose) for _ in range(choose.randrange(7))},
    lambda choose, pick: frozenset(key_of(choose) for _ in range(choose.randrange(7))),
    lambda choose, pick: collections.OrderedDict(keyed(choose, pick)),
    lambda choose, pick: collections.deque(some(choose, pick), choose.choice((None, 20))),
    lambda choose, pick: collections.defaultdict(choose.choice((None, list, Plain)), keyed(choose, pick)),
    lambda choose, pick: collections.ChainMap(dict(keyed(choose, pick)), Keyed(keyed(choose, pick))),
    lambda choose, pick: set_attributes(
        new(Plain), choose.sample(("a", "b", "first", "né"), choose.randrange(4)), pick
    ),
    lambda choose, pick: set_attributes(new(Slotted), choose.sample(Slotted.__slots__, choose.randrange(4)), pick),
    lambda choose, pick: set_attributes(
        new(Both), choose.sample(("first", "second", "own"), choose.randrange(4)), pick
    ),
    lambda choose, pick: set_attributes(new(Pointing), ("at", "to")[: choose.randrange(3)], pick),
    lambda choose, pick: set_attributes(Listed(some(choose, pick)), ("mark",)[: choose.randrange(2)], pick),
    lambda choose, pick: set_attributes(Keyed(keyed(choose, pick)), ("mark",)[: choose.randrange(2)], pick),
    lambda choose, pick: Pair(pick(), pick()),
    lambda choose, pick: Record(pick(), pick()),
    lambda choose, pick: types.SimpleNamespace(left=pick(), right=pick()),
    lambda choose, pick: types.MappingProxyType(dict(keyed(choose, pick))),
    lambda choose, pick: functools.partial(max, pick(), key=pick()),
    lambda choose, pick: slice(pick(), pick(), pick()),
    lambda choose, pick: set_attributes(ValueError(pick(), pick()), ("mark",)[: choose.randrange(2)], pick),
    lambda choose, pick: caused_error(choose, pick),
    lambda choose, pick: chain_of(choose, pick),
    lambda choose, pick: functions_of_one_cell(choose, pick),
    lambda choose, pick: function_of(choose, pick),
    lambda choose, pick: types.MethodType(function_of(choose, pick), [pick()]),
    lambda choose, pick: property(function_of(choose, pick), None, pick()),
    lambda choose, pick: staticmethod(function_of(choose, pick)),
    lambda choose, pick: classmethod(function_of(choose, pick)),
)


def extend(holder, part, choose):
    """Adds a part to what may hold it: so come cycles."""
    if isinstance(holder, (list, collections.deque)):
        holder.append(part)
    elif isinstance(holder, dict):
        holder["added"] = part
    elif isinstance(holder, (Plain, Both, Pointing, types.SimpleNamespace, types.FunctionType)):
        holder.added = part
    elif isinstance(holder, Slotted):
        holder.third = part
    elif isinstance(holder, Record):
        holder.number = part


def graph(number):
    """A list of parts that lead to each other."""
    choose = random.Random(number)
    made = []

    def pick():
        if made and choose.random() < 0.6:
            return choose.choice(made)
        return choose.choice(LEAVES)(choose)

    for _ in range(choose.choice((1, 2, 4, 8, 16))):
        made.append(choose.choice(HOLDERS)(choose, pick))
    for _ in range(choose.randrange(len(made) + 1)):
        extend(choose.choice(made), pick(), choose)
    return made


def main(count, first):
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape(name="graphs")
    def graphs():
        held = [graph(number) for number in range(first, first + count)]
        oracle.park()
        return held

    suite.main()


if __name__ == "__main__":
    # The classes are those of the module, for whoever compares as well.
    import graphs

    graphs.main(*map(int, sys.argv[1:]))
