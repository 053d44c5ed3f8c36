"""Hundreds of values, each told by the expression that makes it: the program makes them, and so does who checks them.

Run as a program it holds them all and waits. `entries()` gives what this version of Python can make.
"""

# ruff: noqa: F401
# The expressions name these.
import _socket
import abc
import argparse
import array
import ast
import asyncio
import collections
import concurrent.futures
import contextvars
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import io
import ipaddress
import itertools
import math
import operator
import os
import pathlib
import queue
import random
import re
import socket
import string
import struct
import sys
import tempfile
import textwrap
import threading
import time
import types
import typing
import uuid
import weakref
import xml.etree.ElementTree


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    BLUE = (0, 0, 255)


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2
    UNO = 1


class Permission(enum.Flag):
    READ = 1
    WRITE = 2
    EXECUTE = 4


class Bits(enum.IntFlag):
    LOW = 1
    HIGH = 8


class Auto(enum.Enum):
    FIRST = enum.auto()
    SECOND = enum.auto()


class Plain:
    pass


class WeakNumber(weakref.ref):
    __slots__ = ("number",)

    def __init__(self, referent, callback=None):
        super().__init__(referent, callback)
        self.number = 5


class Described:
    """A class with a bit of everything."""

    limit = 3
    names = ("a", "b")

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(self).__qualname__ == type(other).__qualname__ and self.value == other.value

    def __hash__(self):
        return hash(self.value)

    def method(self, a, b=2, *rest, key=None, **more):
        return self.value

    @property
    def doubled(self):
        return self.value * 2

    @staticmethod
    def helper(x):
        return x

    @classmethod
    def make(cls):
        return cls(0)


class Slotted:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, left, right=None):
        self.left = left
        if right is not None:
            self.right = right


class SlottedChild(Slotted):
    __slots__ = ("extra",)


class MixedSlots(Slotted):
    def __init__(self, left):
        super().__init__(left)
        self.free = "in the dict"


class IntChild(int):
    pass


class StrChild(str):
    pass


class FloatChild(float):
    pass


class BytesChild(bytes):
    pass


class ListChild(list):
    pass


class TupleChild(tuple):
    pass


class DictChild(dict):
    pass


class SetChild(set):
    pass


class FrozenChild(frozenset):
    pass


class DequeChild(collections.deque):
    pass


class OrderedChild(collections.OrderedDict):
    pass


class DefaultChild(collections.defaultdict):
    pass


class CounterChild(collections.Counter):
    pass


class MomentChild(datetime.datetime):
    def __new__(cls, *arguments):
        made = super().__new__(cls, *arguments)
        made.note = "a moment"
        return made


class DayChild(datetime.date):
    pass


class SpanChild(datetime.timedelta):
    pass


class DecimalChild(decimal.Decimal):
    pass


class ArrayChild(array.array):
    pass


class PartialChild(functools.partial):
    pass


class ErrorChild(ValueError):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Base(abc.ABC):
    @abc.abstractmethod
    def act(self):
        pass


class Concrete(Base):
    def act(self):
        return 1


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    attribute = 1


class Diamond(Described, Plain):
    pass


Point = collections.namedtuple("Point", "x y")
Defaulted = collections.namedtuple("Defaulted", "a b c", defaults=(2, 3))


class Typed(typing.NamedTuple):
    name: str
    size: int = 4


@dataclasses.dataclass
class Data:
    a: int
    b: str = "b"
    c: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, order=True)
class Frozen:
    key: int
    name: str = ""


class Generic(typing.Generic[typing.TypeVar("T")]):
    pass


class TypedMap(typing.TypedDict):
    a: int


def function(a, b=1, *args, c, d=4, **kwargs):
    """Its documentation."""
    return a


def attributed():
    pass


attributed.note = "an attribute"


def annotated(a: int, b: "str" = "x") -> float:
    return 1.0


def oddly_annotated(a: (1, (2, 3)), b: [3] = None):
    pass


def closure(n):
    def inner(m):
        return n + m

    return inner


def made_error(make):
    try:
        raise make()
    except Exception as error:
        error.__traceback__ = None
        return error


def with_cause():
    error = ValueError("effect")
    error.__cause__ = KeyError("cause")
    return error


def with_context():
    error = ValueError("later")
    error.__context__ = OSError(2, "earlier")
    error.__suppress_context__ = True
    return error


def with_notes():
    error = ValueError("noted")
    error.add_note("first")
    error.add_note("second")
    return error


def advanced(iterator, steps):
    for _ in range(steps):
        next(iterator, None)
    return iterator


def cyclic_list():
    made = [1]
    made.append(made)
    return made


def cyclic_dict():
    made = {}
    made["self"] = made
    return made


def cyclic_tuple():
    inner = []
    made = (inner, 1)
    inner.append(made)
    return made


def cyclic_object():
    made = Plain()
    made.me = made
    made.parts = [made, {"back": made}]
    return made


def shared():
    part = ["shared"]
    return {"a": part, "b": part, "c": (part, [part])}


def deep(levels):
    made = []
    for _ in range(levels):
        made = [made]
    return made


def plain_with(**attributes):
    made = Plain()
    made.__dict__.update(attributes)
    return made


def read_from(file, count):
    file.read(count)
    return file


def written_to(file, data):
    file.write(data)
    return file


def closed(file):
    file.close()
    return file


def bound(family, kind, address):
    made = socket.socket(family, kind)
    made.bind(address)
    return made


def bound_to_loopback(kind):
    try:
        return bound(socket.AF_INET6, kind, ("::1", 0))
    except OSError:  # the machine has no IPv6
        return bound(socket.AF_INET, kind, ("127.0.0.1", 0))


def listening(family, address):
    made = bound(family, socket.SOCK_STREAM, address)
    made.listen()
    return made


def connected(family, address):
    """Both ends."""
    with listening(family, address) as server:
        made = socket.create_connection(server.getsockname())
        return [made, server.accept()[0]]


def at_path(name):
    with tempfile.TemporaryDirectory() as folder:
        return listening(socket.AF_UNIX, os.path.join(folder, name))


def with_timeout(made, seconds):
    made.settimeout(seconds)
    return made


def acquired(lock):
    lock.acquire()
    return lock


def string_io(text, position):
    made = io.StringIO(text)
    made.seek(position)
    return made


def bytes_io(data, position):
    made = io.BytesIO(data)
    made.seek(position)
    return made


def filled(target, *items):
    for item in items:
        target.put(item)
    return target


def set_event():
    made = threading.Event()
    made.set()
    return made


def element():
    root = xml.etree.ElementTree.Element("root", {"id": "1"})
    child = xml.etree.ElementTree.SubElement(root, "child")
    child.text = "text"
    child.tail = "\n"
    return root


def finished(result):
    made = concurrent.futures.Future()
    made.set_result(result)
    return made


def failed(error):
    made = concurrent.futures.Future()
    made.set_exception(error)
    return made


def random_state():
    made = random.Random(5)
    made.random()
    return made


def with_value(variable, value):
    variable.set(value)
    return variable


def context_of(count):
    context = contextvars.Context()
    for number in range(count):
        context.run(contextvars.ContextVar(f"variable {number:03}").set, [number])
    return context


LINES = r"""
none                    | None
true                    | True
false                   | False
ellipsis                | ...
not implemented         | NotImplemented
zero                    | 0
one                     | 1
minus one               | -1
small int               | 256
int past the cache      | 257
int of 30 bits          | 2**30 - 1
int of 31 bits          | 2**30
int of 60 bits          | 2**60
int max                 | 2**63 - 1
int of 64 bits          | 2**64
int min                 | -2**63
large int               | 3**200
negative large int      | -7**100
huge int                | 10**5000
float zero              | 0.0
float minus zero        | -0.0
float                   | 3.14159
float tiny              | 5e-324
float max               | sys.float_info.max
float infinity          | math.inf
float minus infinity    | -math.inf
float nan               | math.nan
float tenth             | 0.1
complex                 | 1 + 2j
complex minus zero      | complex(-0.0, -0.0)
complex nan             | complex(math.nan, math.inf)
empty str               | ""
ascii                   | "plain ascii"
latin                   | "caf\u00e9"
two byte str            | "\u4f60\u597d"
four byte str           | "\U0001f600 smile"
mixed str               | "a\u00e9\u4f60\U0001f600"
str of nul              | "a\0b"
str of controls         | "".join(map(chr, range(32)))
surrogate               | "\ud800"
quotes in str           | "it's \"quoted\""
long str                | "abc" * 5000
str of lines            | "line\nline\r\n\ttab\\"
empty bytes             | b""
bytes                   | bytes(range(256))
quotes in bytes         | b"it's \"quoted\""
long bytes              | b"\xff" * 5000
empty bytearray         | bytearray()
bytearray               | bytearray(b"bytes\0")
shrunk bytearray        | (lambda b: (b.pop(0), b)[1])(bytearray(b"xyz"))
empty tuple             | ()
tuple                   | (1, "two", 3.0)
tuple of one            | (1,)
nested tuple            | ((1, (2, (3,))), ())
empty list              | []
list                    | [1, [2, [3]]]
list of many            | list(range(1000))
list with none          | [None, None]
empty dict              | {}
dict                    | {"a": 1, "b": [2]}
dict of ints            | {1: "a", 2: "b"}
dict of mixed keys      | {1: "a", "b": 2, (3, 4): None, frozenset([5]): 6, None: 7}
dict with holes         | (lambda d: (d.pop(0), d.pop(5), d)[2])({n: str(n) for n in range(10)})
dict of many            | {n: n * n for n in range(1000)}
dict emptied            | (lambda d: (d.clear(), d)[1])({1: 2})
empty set               | set()
set                     | {1, 2, 3}
set of strs             | {"x"}
set of many             | set(range(500))
empty frozenset         | frozenset()
frozenset               | frozenset([1, 2])
frozenset in one        | frozenset([frozenset([1]), frozenset()])
range                   | range(10)
range with step         | range(10, 0, -3)
range of large          | range(2**70, 2**70 + 10)
range that is empty     | range(0)
slice                   | slice(1, 2)
slice of anything       | slice(None, "b", ...)
memoryview              | memoryview(b"data")
memoryview writable     | memoryview(bytearray(b"data"))[1:3]
memoryview of doubles   | memoryview(array.array("d", [1.5, 2.5]))
memoryview of two       | memoryview(bytes(range(6))).cast("B", (2, 3))
deque                   | collections.deque([1, 2, 3])
deque with maxlen       | collections.deque([1, 2, 3], maxlen=2)
deque of many           | collections.deque(range(300))
deque rotated           | (lambda d: (d.rotate(70), d)[1])(collections.deque(range(200)))
empty deque             | collections.deque()
ordered dict            | collections.OrderedDict([("b", 1), ("a", 2)])
ordered dict moved      | (lambda d: (d.move_to_end("b"), d)[1])(collections.OrderedDict([("b", 1), ("a", 2)]))
empty ordered dict      | collections.OrderedDict()
default dict            | collections.defaultdict(list, {"a": [1]})
default dict of none    | collections.defaultdict(None, {1: 2})
default dict of class   | collections.defaultdict(Plain)
counter                 | collections.Counter("hello")
empty counter           | collections.Counter()
chain map               | collections.ChainMap({"a": 1}, {"b": 2})
user dict               | collections.UserDict(a=1)
user list               | collections.UserList([1, 2])
user string             | collections.UserString("text")
named tuple             | Point(1, 2)
named tuple defaults    | Defaulted(1)
typed named tuple       | Typed("n")
stat result             | os.stat_result(range(10))
struct time             | time.gmtime(0)
struct time with zone   | time.localtime(1e9)
stat result whole       | os.stat_result(range(100, 119))
float info              | sys.float_info
version info            | sys.version_info
terminal size           | os.terminal_size((80, 24))
array of ints           | array.array("i", [1, 2, -3])
array of doubles        | array.array("d", [1.5, math.inf])
array of bytes          | array.array("B", b"abc")
array of longs          | array.array("q", [2**62])
empty array             | array.array("h")
mapping proxy           | types.MappingProxyType({"a": 1})
simple namespace        | types.SimpleNamespace(a=1, b="x")
empty namespace         | types.SimpleNamespace()
argparse namespace      | argparse.Namespace(verbose=True, files=["a"])
decimal                 | decimal.Decimal("1.10")
decimal large           | decimal.Decimal("123456789012345678901234567890.123")
decimal exponent        | decimal.Decimal("1E+50")
decimal infinity        | decimal.Decimal("-Infinity")
decimal nan             | decimal.Decimal("NaN")
decimal minus zero      | decimal.Decimal("-0.00")
decimal context         | decimal.Context(prec=10)
fraction                | fractions.Fraction(3, 4)
fraction negative       | fractions.Fraction(-7)
date                    | datetime.date(2024, 2, 29)
date min                | datetime.date.min
datetime                | datetime.datetime(2024, 1, 2, 3, 4, 5, 678)
datetime utc            | datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)
datetime fold           | datetime.datetime(2024, 10, 27, 2, 30, fold=1)
datetime offset         | datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))
time                    | datetime.time(12, 30, 15, 5)
time with zone          | datetime.time(1, tzinfo=datetime.timezone.utc)
timedelta               | datetime.timedelta(days=-1, seconds=5, microseconds=7)
timedelta zero          | datetime.timedelta()
timezone utc            | datetime.timezone.utc
timezone named          | datetime.timezone(datetime.timedelta(hours=2), "CEST")
uuid                    | uuid.UUID("12345678-1234-5678-1234-567812345678")
pure path               | pathlib.PurePosixPath("/usr/lib/python")
windows path            | pathlib.PureWindowsPath("C:/x")
path                    | pathlib.Path("/tmp/file.txt")
relative path           | pathlib.Path("a/b")
path used               | (lambda p: (str(p), p.parts, p)[2])(pathlib.Path("/a/b.c"))
ipv4                    | ipaddress.ip_address("192.168.0.1")
ipv6                    | ipaddress.ip_address("::1")
network                 | ipaddress.ip_network("10.0.0.0/8")
enum member             | Color.RED
enum of str             | Color.GREEN
enum of tuple           | Color.BLUE
int enum                | Number.TWO
enum alias              | Number.UNO
flag                    | Permission.READ
flags combined          | Permission.READ | Permission.EXECUTE
no flags                | Permission(0)
int flags               | Bits.LOW | Bits.HIGH
auto enum               | Auto.SECOND
enum class              | Color
enum members            | list(Color)
enum by key             | {Color.RED: "r", Color.GREEN: "g"}
library enum            | socket.AF_INET
regex flag              | re.IGNORECASE
dataclass               | Data(1)
dataclass filled        | Data(1, "x", [1, 2])
frozen dataclass        | Frozen(1, "n")
dataclass in set        | {Frozen(1)}
plain object            | plain_with(a=1, b=[2])
empty object            | Plain()
object with methods     | Described([1])
object of diamond       | Diamond(4)
slotted                 | Slotted(1, 2)
slot that is empty      | Slotted(1)
slotted child           | SlottedChild(1)
slots and a dict        | MixedSlots(1)
bare object             | object()
int child               | IntChild(5)
large int child         | IntChild(2**100)
str child               | StrChild("child")
wide str child          | StrChild("\u4f60")
float child             | FloatChild(1.5)
bytes child             | BytesChild(b"child")
list child              | ListChild([1, 2])
tuple child             | TupleChild((1, 2))
dict child              | DictChild(a=1)
set child               | SetChild([1])
frozenset child         | FrozenChild([1])
deque child             | DequeChild([1], maxlen=3)
ordered child           | OrderedChild(a=1)
default child           | DefaultChild(int, a=1)
counter child           | CounterChild("aab")
moment child            | MomentChild(2024, 2, 29, 23, 59)
day child               | DayChild(2024, 2, 29)
span child              | SpanChild(days=-1, seconds=5)
decimal child           | DecimalChild("-1.50")
array child             | ArrayChild("h", [1, -2])
partial child           | PartialChild(len, "abc")
child with attributes   | (lambda v: (setattr(v, "note", "n"), v)[1])(ListChild([1]))
concrete of abstract    | Concrete()
of a metaclass          | WithMeta()
exception               | ValueError("message")
exception bare          | ValueError()
exception of many       | ValueError("a", 1, None)
key error               | KeyError("key")
os error                | OSError(2, "No such file", "/path")
os error of two files   | OSError(18, "cross", "a", None, "b")
file not found          | FileNotFoundError(2, "No such file", "x")
unicode decode error    | UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
unicode encode error    | UnicodeEncodeError("ascii", "\xe9", 0, 1, "ordinal")
syntax error            | SyntaxError("bad", ("f.py", 1, 2, "text"))
stop iteration          | StopIteration(5)
system exit             | SystemExit(3)
import error            | ImportError("no", name="mod", path="/p")
attribute error         | made_error(lambda: AttributeError("none"))
zero division           | ZeroDivisionError("division by zero")
exception child         | ErrorChild(7, "text")
exception with cause    | with_cause()
exception with context  | with_context()
exception attributes    | (lambda e: (setattr(e, "extra", [1]), e)[1])(RuntimeError("x"))
class                   | Plain
class with members      | Described
abstract class          | Base
class of a metaclass    | WithMeta
builtin class           | int
library class           | collections.OrderedDict
exception class         | ErrorChild
generic class           | Generic
function                | function
function with attribute | attributed
function annotated      | annotated
function oddly annotated | oddly_annotated
lambda                  | lambda x: x
inner function          | closure(5)
bound method            | Described(1).method
class method            | Described.make
static method           | Described.helper
builtin function        | len
builtin method          | [].append
method of class         | list.append
slot wrapper            | int.__add__
method wrapper          | (5).__add__
getset descriptor       | type.__dict__["__name__"] if "__name__" in type.__dict__ else int.real
member descriptor       | Slotted.left
class method builtin    | dict.fromkeys
property                | property(len, None, None, "doc")
property of class       | Described.__dict__["doubled"]
staticmethod object     | staticmethod(len)
classmethod object      | classmethod(len)
super object            | super(Diamond, Diamond(1))
super object in C       | super(struct.Struct, struct.Struct("<i"))
partial                 | functools.partial(int, "5", base=8)
partial of function     | functools.partial(function, 1, c=2)
partial of partial      | functools.partial(functools.partial(max, 1), 2)
item getter             | operator.itemgetter(1)
item getter of two      | operator.itemgetter("a", "b")
attr getter             | operator.attrgetter("x.y")
method caller           | operator.methodcaller("strip", "x")
code                    | function.__code__
module                  | math
python module           | string
cell                    | closure(5).__closure__[0]
generic alias of typing | typing.List[int]
optional                | typing.Optional[int]
type var                | typing.TypeVar("T")
any                     | typing.Any
callable of typing      | typing.Callable[[int], str]
list iterator           | advanced(iter([1, 2, 3]), 1)
tuple iterator          | advanced(iter((1, 2, 3)), 1)
str iterator            | advanced(iter("abc"), 1)
dict iterator           | advanced(iter({"a": 1, "b": 2}), 1)
range iterator          | advanced(iter(range(5)), 2)
set iterator            | advanced(iter({1, 2, 3}), 1)
reversed list           | reversed([1, 2])
enumerate               | enumerate("ab", 5)
zip                     | zip([1, 2], "ab")
map                     | map(str, [1, 2])
filter                  | filter(None, [0, 1])
count                   | itertools.count(5, 2)
count of floats         | itertools.count(0.5)
cycle                   | advanced(itertools.cycle([1, 2, 3]), 4)
cycle begun             | advanced(itertools.cycle([1, 2, 3]), 1)
repeat                  | itertools.repeat("x", 3)
repeat forever          | itertools.repeat(1)
chain                   | advanced(itertools.chain([1], [2, 3]), 0)
islice                  | itertools.islice([1, 2, 3], 1, 3)
starmap                 | itertools.starmap(pow, [(2, 3)])
takewhile               | itertools.takewhile(bool, [1, 0, 2])
dropwhile               | itertools.dropwhile(bool, [1, 0, 2])
filterfalse             | itertools.filterfalse(None, [0, 1])
compress                | itertools.compress("abc", [1, 0, 1])
accumulate              | advanced(itertools.accumulate([1, 2, 3]), 1)
product                 | advanced(itertools.product([1, 2], "ab"), 1)
permutations            | advanced(itertools.permutations([1, 2, 3]), 2)
combinations            | advanced(itertools.combinations([1, 2, 3], 2), 1)
combinations replaced   | itertools.combinations_with_replacement("ab", 2)
zip longest             | itertools.zip_longest([1], [2, 3], fillvalue=0)
group by                | itertools.groupby("aab")
tee                     | itertools.tee([1, 2])[0]
dict keys               | {"a": 1}.keys()
dict values             | {"a": 1}.values()
dict items              | {"a": 1}.items()
ordered keys            | collections.OrderedDict(a=1).keys()
pattern                 | re.compile(r"(a)|(?P<n>b+)", re.I | re.X)
pattern of bytes        | re.compile(rb"\d+")
match                   | re.match(r"(?P<x>a)(b)?", "ac")
match of bytes          | re.search(rb"b", b"abc")
string io               | string_io("text\nmore", 3)
file of text            | open(os.devnull)
file of latin text      | open(os.devnull, "w", encoding="latin-1", errors="replace")
file of bytes           | read_from(open(__file__, "rb"), 5)
file to be written      | written_to(open(os.devnull, "wb"), b"waits here")
file for both           | open(os.devnull, "rb+")
file without a buffer   | open(os.devnull, "ab", buffering=0)
file by its descriptor  | open(os.open(os.devnull, os.O_RDONLY))
file read from          | read_from(open(__file__, "rb", buffering=0), 7)
file closed             | closed(open(os.devnull, "rb", buffering=0))
socket                  | with_timeout(socket.socket(), 2.5)
socket that listens     | listening(socket.AF_INET, ("127.0.0.1", 0))
sockets connected       | connected(socket.AF_INET, ("127.0.0.1", 0))
socket of udp           | bound_to_loopback(socket.SOCK_DGRAM)
socket of netlink       | bound(socket.AF_NETLINK, socket.SOCK_RAW, (0, 0))
socket of a path        | at_path("a socket")
socket of no path       | bound(socket.AF_UNIX, socket.SOCK_DGRAM, b"\0pysnap %d" % os.getpid())
socket of a pair        | socket.socketpair()[0]
socket closed           | closed(socket.socket())
socket in C             | _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
string io empty         | io.StringIO()
string io written       | (lambda s: (s.write("a\u4f60"), s.write("b"), s)[2])(io.StringIO())
bytes io                | bytes_io(b"bytes", 2)
lock                    | threading.Lock()
lock taken              | acquired(threading.Lock())
rlock                   | threading.RLock()
rlock taken             | acquired(acquired(threading.RLock()))
condition               | threading.Condition()
event                   | threading.Event()
event set               | set_event()
semaphore               | threading.Semaphore(3)
bounded semaphore       | acquired(threading.BoundedSemaphore(3))
barrier                 | threading.Barrier(2)
thread not started      | threading.Thread(target=len, name="fresh", daemon=True)
local                   | threading.local()
queue                   | filled(queue.Queue(5), 1, "two")
lifo queue              | filled(queue.LifoQueue(), 1, 2)
priority queue          | filled(queue.PriorityQueue(), 2, 1)
simple queue            | filled(queue.SimpleQueue(), 1, "two")
simple queue empty      | queue.SimpleQueue()
future done             | finished(5)
future failed           | failed(ValueError("in a future"))
future pending          | concurrent.futures.Future()
match of groups         | re.compile(r"(?P<day>\d+)|(?P<name>[a-z]+)(-)?").match("on 12", 1, 5)
context variable        | contextvars.ContextVar("name")
context variable set    | with_value(contextvars.ContextVar("name", default=1), 2)
context                 | contextvars.Context()
context of two          | context_of(2)
context of many         | context_of(100)
element                 | element()
element empty           | xml.etree.ElementTree.Element("e")
hash                    | hashlib.sha256(b"x")
random                  | random_state()
struct                  | struct.Struct("<IH")
template                | string.Template("$a")
formatter               | string.Formatter()
wrapper                 | textwrap.TextWrapper(width=20)
ast                     | ast.parse("1 + 1")
types module            | types.ModuleType("made", "doc")
cyclic list             | cyclic_list()
cyclic dict             | cyclic_dict()
cyclic tuple            | cyclic_tuple()
cyclic object           | cyclic_object()
shared parts            | shared()
deep list               | deep(300)
list of everything      | [None, True, 1, 1.5, 1j, "s", b"b", (1,), [2], {3: 4}, {5}, frozenset([6]), range(7)]
records                 | [{"id": n, "tags": ["x", str(n)], "pos": (n, -n)} for n in range(50)]
json                    | {"a": [1, 2.5, None, True, {"b": "\u00e9"}], "c": {}}
table                   | [[row * column for column in range(10)] for row in range(10)]
tuple of sets           | ({1}, frozenset([2]), {"x"})
dict in its own order   | {"z": 1, "a": 2, "m": 3}
keys that are equal     | {1: "int", 2.0: "float"}
bool keys               | {True: 1, False: 0}
nan in a list           | [math.nan, 1]
copied                  | copy.deepcopy({"a": [1, {"b": (2, 3)}]})
event loop policy       | asyncio.Queue
weak reference          | (lambda kept: [weakref.ref(kept), kept])(plain_with(a=1))
weak reference, dead    | weakref.ref(plain_with(a=1))
weak reference to class | weakref.ref(Plain)
weak reference to def   | weakref.ref(plain_with)
weak reference to set   | (lambda kept: [weakref.ref(kept), kept])({1, 2})
weak reference to regex | (lambda kept: [weakref.ref(kept), kept])(re.compile("weak"))
weak proxy              | (lambda kept: [weakref.proxy(kept), kept])({1, 2})
weak proxy to def       | weakref.proxy(plain_with)
weak proxy, dead        | weakref.proxy(plain_with(a=1))
weak reference, called  | (lambda kept: [weakref.ref(kept, id), kept])(plain_with(a=1))
weak proxy, called      | (lambda kept: [weakref.proxy(kept, id), kept])({1, 2})
weak reference, derived | (lambda kept: [WeakNumber(kept), kept])(plain_with(a=1))
weak method             | (lambda kept: [weakref.WeakMethod(kept.method), kept])(Described(5))
weak values             | (lambda kept: [weakref.WeakValueDictionary(a=kept), kept])(plain_with(a=1))
weak keys               | (lambda kept: [weakref.WeakKeyDictionary({kept: 1}), kept])(Plain)
weak set                | (lambda kept: [weakref.WeakSet([kept]), kept])(Plain)
module spec             | textwrap.__spec__
module spec of package  | os.__spec__
"""

SINCE_3_9 = """
zone                    | __import__("zoneinfo").ZoneInfo("UTC")
generic alias           | list[int]
generic alias nested    | dict[str, list[int]]
"""
SINCE_3_10 = """
param spec              | typing.ParamSpec("P")
union                   | int | None
union of three          | int | str | list[int]
slotted dataclass       | dataclasses.make_dataclass("Made", ["a"], slots=True)(1)
pairwise                | itertools.pairwise([1, 2, 3])
keyword only dataclass  | dataclasses.make_dataclass("Made", [("a", int)], kw_only=True)(a=1)
"""
SINCE_3_11 = """
type var tuple          | typing.TypeVarTuple("Ts")
exception group         | ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [KeyError("k")])])
base exception group    | BaseExceptionGroup("base", [KeyboardInterrupt()])
exception with notes    | with_notes()
str enum                | enum.StrEnum("Kind", "A B").A
"""
SINCE_3_12 = """
batched                 | itertools.batched("abcde", 2)
type alias              | typing.TypeAliasType("Alias", int)
"""


def entries():
    """(name, expression) of each value."""
    since = ((8, LINES), (9, SINCE_3_9), (10, SINCE_3_10), (11, SINCE_3_11), (12, SINCE_3_12))
    for minor, lines in since:
        if sys.version_info >= (3, minor):
            for line in lines.strip().splitlines():
                name, _, source = line.partition("|")
                yield name.strip(), source.strip()


def make(source):
    return eval(source, globals())


def main():
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape
    def catalogue():
        values = {name: make(source) for name, source in entries()}
        shown = {name: repr(value) for name, value in values.items()}
        held = plain_with(**values)
        oracle.park()
        return shown, held

    suite.main()


if __name__ == "__main__":
    # The classes are those of the module, for whoever compares as well.
    import catalogue

    catalogue.main()
