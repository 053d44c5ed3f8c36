"""Every kind of value, as locals of parked functions. Names that begin with `other_` hold what need not be decoded."""

import abc
import array
import builtins
import collections
import colorsys
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import operator
import os
import pathlib
import random
import re
import struct
import sys
import threading
import types
import typing
import uuid
import weakref

import oracle
from oracle import expect_repr, park

suite = oracle.Suite()
shape = suite.shape


@shape
def singletons():
    none = None
    true, false = True, False
    ellipsis = ...
    not_implemented = NotImplemented
    park()
    return none, true, false, ellipsis, not_implemented


@shape
def integers():
    zero, one, minus_one = 0, 1, -1
    small_edge, beyond_small, negative_edge, beyond_negative = 256, 257, -5, -6
    digit_edge, beyond_digit = 2**30 - 1, 2**30
    negative_digit_edge = -(2**30)
    two_digits = 2**60 - 1
    three_digits = 2**60
    max_int64, beyond_int64, min_int64, beyond_min = 2**63 - 1, 2**63, -(2**63), -(2**63) - 1
    max_uint64, beyond_uint64 = 2**64 - 1, 2**64
    two_to_70 = 2**70
    minus_two_to_100 = -(2**100)
    byte_edges = [2**n - 1 for n in range(0, 200, 8)] + [-(2**n) for n in range(0, 200, 8)]
    huge = 10**5000
    huge_negative = -(10**5000) + 1
    googol = 10**100
    park()
    return locals()


@shape
def floats():
    zero, minus_zero = 0.0, -0.0
    simple, third, tenth = 1.5, 1 / 3, 0.1
    precise = 123456.789012345
    sixteen, seventeen = 1e16, 1e17
    below_exponent = 9999999999999998.0
    small, smaller = 0.0001, 0.00001
    smallest, denormal = 5e-324, 2.2250738585072011e-308
    largest, epsilon = sys.float_info.max, sys.float_info.epsilon
    whole, minus_whole = 100.0, -5.0
    not_a_number = float("nan")
    negative_nan = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]
    infinity, minus_infinity = float("inf"), float("-inf")
    long_digits = [5e-5, 1e22, 1e23, 2.5e-7, 179769313486231.57, 3.141592653589793, 1e100, 1.7976931348623157e308]
    park()
    return locals()


@shape
def complexes():
    imaginary, both, negative = 1j, 1 + 2j, -1.5 - 0.5j
    minus_zero_real = complex(-0.0, 1)
    minus_zero_imaginary = complex(0, -0.0)
    both_minus_zero = complex(-0.0, -0.0)
    infinite = complex(float("inf"), float("nan"))
    negative_infinite = complex(float("nan"), float("-inf"))
    large = complex(1e16, 1e-7)
    park()
    return locals()


@shape
def strings():
    empty, ascii_text, one_character = "", "plain text", "a"
    latin1 = "café"
    latin1_character = "é"
    cyrillic = "привет"
    chinese = "漢字"
    astral = "𝔘𝔫𝔦 🔑🧵"
    mixed = "aé漢🔑"
    lone_surrogate = "\ud800"
    surrogates = "a\udcffb\udfff\ud83d"
    reversed_pair = "\udd11\ud83d"
    nul = "a\0b"
    newlines = "one\ntwo\r\nthree\ttab"
    control = "\x01\x1f\x7f\x80\x9f\xa0\xad"
    quotes_single, quotes_double, quotes_both = "it's", 'say "hi"', """it's "both" """
    backslashes = "C:\\path\\n"
    unprintable = "\u200b\u2028\ufeff\U000e0001\u0378\U0003ffff\u0600"
    combining = "e\u0301 \u0f3e"
    wide_spaces = "\u00a0\u3000\u2003\u1680"
    private = "\ue000\U000f0000\U0010ffff\uffff"
    emoji_new = "\U0001fae8\U0001f9cc"
    long_ascii = "x" * 100000
    long_astral = "🔑" * 20000
    interned = sys.intern("interned_text")
    concatenated = "".join(["joined ", "text"])
    escaped = [chr(n) for n in range(0, 0x180)]
    park()
    return locals()


@shape
def byte_strings():
    empty, ascii_bytes, one = b"", b"plain", b"a"
    all_bytes = bytes(range(256))
    quotes_single, quotes_double, quotes_both = b"it's", b'say "hi"', b"it's \"both\""
    binary = b"\x00\xff\\n\n\t\r"
    long_bytes = b"ab" * 50000
    empty_array = bytearray()
    array_ = bytearray(b"bytearray \x00\xff'")
    sliced = bytearray(b"0123456789" * 100)
    del sliced[:15]
    shrunk = bytearray(b"z" * 4096)
    del shrunk[3:]
    emptied = bytearray(b"gone")
    emptied.clear()
    grown = bytearray()
    grown.extend(b"abc")
    grown += b"def"
    park()
    return locals()


@shape
def tuples_and_lists():
    empty_tuple, single, pair = (), (1,), (1, "two")
    nested = ((), ((1,),), [(2,)])
    empty_list, flat = [], [1, 2.5, "three", None]
    emptied = [1, 2, 3]
    emptied.clear()
    popped = list(range(10))
    popped.pop()
    del popped[2:5]
    preallocated = [None] * 10
    self_list = [1]
    self_list.append(self_list)
    mutual_a, mutual_b = ["a"], ["b"]
    mutual_a.append(mutual_b)
    mutual_b.append(mutual_a)
    tuple_cycle = ([],)
    tuple_cycle[0].append(tuple_cycle)
    shared = ["shared"]
    sharing = [shared, shared, (shared,)]
    nans = [float("nan")] * 2
    park()
    return locals()


@shape
def deep_values():
    depth = 1000
    deep_list = []
    for _ in range(depth):
        deep_list = [deep_list]
    expect_repr(deep_list, "[" * (depth + 1) + "]" * (depth + 1))
    deep_tuple = ()
    for _ in range(depth):
        deep_tuple = (deep_tuple,)
    expect_repr(deep_tuple, "(" * depth + "()" + ",)" * depth)
    deep_dict = {}
    for _ in range(depth):
        deep_dict = {"k": deep_dict}
    expect_repr(deep_dict, "{'k': " * depth + "{}" + "}" * depth)
    linked = None
    for number in range(depth):
        linked = Node(number, linked)
    park()
    return deep_list, deep_tuple, deep_dict, linked


class Node:
    def __init__(self, value, following):
        self.value = value
        self.following = following


@shape
def large_containers():
    numbers = list(range(100000))
    number_tuple = tuple(range(0, 200000, 2))
    dictionary = {"key %d" % number: number for number in range(70000)}
    integer_keys = {number: str(number) for number in range(1000)}
    number_set = set(range(3000))
    park()
    return locals()


@shape
def dictionaries():
    empty = {}
    string_keys = {"a": 1, "b": 2, "é": 3, "漢": 4}
    integer_keys = {1: "one", -1: "minus one", 2**70: "big"}
    tuple_keys = {(1, 2): "pair", (): "empty"}
    mixed_keys = {1: 1, "1": 2, (1,): 3, None: 4, 1.5: 5, b"1": 6, frozenset([1]): 7, True + 1: 8, ...: 9, int: 10}
    reordered = {"z": 1, "a": 2, "m": 3}
    after_deletions = {number: number for number in range(20)}
    for number in range(0, 20, 3):
        del after_deletions[number]
    reinserted = {"first": 1, "second": 2, "third": 3}
    del reinserted["first"]
    reinserted["first"] = "again"
    all_deleted = {"a": 1, "b": 2}
    del all_deleted["a"], all_deleted["b"]
    popped = {"a": 1, "b": 2, "c": 3}
    popped.popitem()
    cleared = {"a": 1}
    cleared.clear()
    converted = {"a": 1, "b": 2}
    converted[3] = "now general keys"
    self_dict = {"me": None}
    self_dict["me"] = self_dict
    colliding = {Collides(1): "a", Collides(2): "b", Collides(3): "c"}
    del colliding[next(iter(colliding))]
    sizes = [{"k%d" % n: n for n in range(size)} for size in (1, 5, 6, 10, 11, 21, 43, 86, 171, 342)]
    nested = {"a": {"b": {"c": [1, {"d": ()}]}}}
    none_values = {"a": None, "b": None}
    from_keys = dict.fromkeys("abc", 0)
    copied = dict(reordered)
    merged = {**string_keys, **integer_keys}
    park()
    return locals()


class Collides:
    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return 7

    def __eq__(self, other):
        return self is other


@shape
def sets():
    empty, empty_frozen = set(), frozenset()
    numbers, strings_ = {3, 1, 2}, {"b", "a", "é"}
    mixed = {1, "1", (1,), None, 2.5}
    after_removal = set(range(30))
    for number in range(0, 30, 2):
        after_removal.discard(number)
    with_minus_one = {-1, -2, 0}
    frozen = frozenset([1, 2, frozenset([3])])
    emptied = {1, 2}
    emptied.clear()
    zero_hash = {0, "", b""}
    large = {n * 7919 for n in range(200)}
    park()
    return locals()


@shape
def ranges_and_slices():
    plain, stepped, backwards, empty = range(10), range(1, 10, 2), range(10, 0, -3), range(0)
    huge_range = range(10**30)
    slice_plain, slice_full, slice_open = slice(5), slice(1, 10, 2), slice(None)
    slice_odd = slice("a", [1], None)
    park()
    return locals()


# ---------------------------------------------------------------------------------------------------- instances


class Plain:
    pass


class WithDefaults:
    level = "class"

    def __init__(self):
        self.first = 1
        self.second = "two"


class Slotted:
    __slots__ = ("a", "b", "_private", "__mangled")

    def __init__(self):
        self.a = 1
        self._private = [2]
        self.__mangled = 3


class SlottedChild(Slotted):
    __slots__ = ("c",)

    def __init__(self):
        super().__init__()
        self.b = "set by the child"
        self.c = "own"


class SlottedWithDict(Slotted):
    def __init__(self):
        super().__init__()
        self.in_dict = 1


class SlotAndDict:
    __slots__ = ("slot", "__dict__", "__weakref__")

    def __init__(self):
        self.slot = "slot"
        self.other = "dict"


class ListChild(list):
    pass


class DictChild(dict):
    pass


class StrChild(str):
    pass


class IntChild(int):
    pass


class FloatChild(float):
    pass


class BytesChild(bytes):
    pass


class TupleChild(tuple):
    pass


class SetChild(set):
    pass


class FrozenSetChild(frozenset):
    pass


class ByteArrayChild(bytearray):
    pass


class SlottedInt(int):
    __slots__ = ()


class SlottedList(list):
    __slots__ = ("extra",)


class Hostile:
    """Runs code wherever it can: none of it may run."""

    ran = []

    def __init__(self):
        object.__setattr__(self, "value", 1)

    def __getattribute__(self, name):
        Hostile.ran.append(name)
        return object.__getattribute__(self, name)

    def __repr__(self):
        Hostile.ran.append("repr")
        return "<hostile>"

    def __len__(self):
        Hostile.ran.append("len")
        return 10**9

    def __iter__(self):
        Hostile.ran.append("iter")
        raise RuntimeError

    def __del__(self):
        Hostile.ran.append("del")

    def __hash__(self):
        Hostile.ran.append("hash")
        return 1

    @property
    def lying(self):
        Hostile.ran.append("property")
        raise RuntimeError


class Meta(type):
    def __repr__(cls):
        return "<Meta's own repr>"


class QuietMeta(type):
    pass


class MadeByMeta(metaclass=Meta):
    pass


class MadeByQuietMeta(metaclass=QuietMeta):
    pass


class Abstract(abc.ABC):
    def __init__(self):
        self.field = 1

    @abc.abstractmethod
    def act(self):
        pass


class Concrete(Abstract):
    def act(self):
        pass


class Multiple(WithDefaults, Concrete):
    def __init__(self):
        WithDefaults.__init__(self)
        self.third = 3


T = typing.TypeVar("T")


class GenericClass(typing.Generic[T]):
    def __init__(self, item):
        self.item = item


class Color(enum.Enum):
    RED = 1
    GREEN = "green"


class Number(enum.IntEnum):
    ONE = 1


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Data:
    name: str
    count: int = 0
    items: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, repr=False)
class FrozenData:
    name: str


Point = collections.namedtuple("Point", "x y")


class TypedPoint(typing.NamedTuple):
    x: int
    label: str = "none"


def with_attributes(instance, **attributes):
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


@shape
def instances():
    bare = Plain()
    with_one = with_attributes(Plain(), one=1)
    defaults = WithDefaults()
    many = with_attributes(Plain(), **{"attribute_%02d" % number: number for number in range(35)})
    very_many = with_attributes(Plain(), **{"attribute_%03d" % number: number for number in range(300)})
    deleted = WithDefaults()
    del deleted.first
    deleted_and_added = WithDefaults()
    del deleted_and_added.first
    deleted_and_added.later = "later"
    deleted_and_added.first = "again"
    all_deleted = WithDefaults()
    del all_deleted.first, all_deleted.second
    materialized = WithDefaults()
    materialized.__dict__["third"] = 3
    looked_at = WithDefaults()
    assert looked_at.__dict__
    replaced = WithDefaults()
    replaced.__dict__ = {"quite": "different", "first": "replaced"}
    emptied_dict = WithDefaults()
    emptied_dict.__dict__ = {}
    shared_dict = Plain()
    shared_dict.__dict__ = defaults_dict = {"shared": [1]}
    sharing_dict = Plain()
    sharing_dict.__dict__ = defaults_dict
    odd_names = Plain()
    odd_names.__dict__.update({"not an identifier": 1, "ключ": 2, "": 3, "é": 4})
    integer_key = Plain()
    integer_key.__dict__[1] = "integer key"
    integer_key.__dict__["text"] = "text key"
    order = with_attributes(Plain(), z=1, a=2, m=3)
    self_reference = Plain()
    self_reference.me = self_reference
    slotted = Slotted()
    slotted_unset = Slotted.__new__(Slotted)
    slotted_child = SlottedChild()
    slotted_with_dict = SlottedWithDict()
    slot_and_dict = SlotAndDict()
    multiple = Multiple()
    concrete = Concrete()
    generic = GenericClass("item")
    parametrized = GenericClass[int](5)
    in_list = [Plain(), defaults, {"key": slotted}]
    made = MadeByQuietMeta()
    local_class = type("Local Class", (Plain,), {"__module__": "some.module"})()
    no_module = type("NoModule", (), {"__module__": 5})()
    cached = CachedProperty()
    assert cached.computed == 1
    park()
    return locals()


class CachedProperty:
    @property
    def never(self):
        raise AssertionError("a property was run")

    @functools.cached_property
    def computed(self):
        return 1


@shape
def instances_with_repr():
    hostile = Hostile()
    hostile_list = [Hostile()]
    Hostile.ran.clear()
    made_by_meta = MadeByMeta()
    color, number, flags = Color.RED, Number.ONE, Flags.A | Flags.B
    data = Data("name", 2, [1])
    frozen = FrozenData("frozen")
    named, typed = Point(1, "y"), TypedPoint(3)
    in_tuple = (color, data, named)
    park()
    return hostile, hostile_list, made_by_meta, color, number, flags, data, frozen, named, typed, in_tuple


@shape
def children_of_builtins():
    list_child = ListChild([1, 2])
    list_child.extra = "attribute"
    dict_child = DictChild(a=1)
    dict_child.extra = "attribute"
    str_child = StrChild("text é")
    str_child.extra = "attribute"
    empty_str_child = StrChild()
    astral_child = StrChild("🔑")
    int_child = IntChild(2**65)
    int_child.extra = "attribute"
    zero_child = IntChild()
    float_child = FloatChild(1.5)
    bytes_child = BytesChild(b"bytes")
    tuple_child = TupleChild([1, 2, 3])
    tuple_child.extra = "attribute"
    single_tuple_child = TupleChild([1])
    set_child = SetChild([1, 2])
    frozen_child = FrozenSetChild([1])
    bytearray_child = ByteArrayChild(b"array")
    slotted_int = SlottedInt(7)
    slotted_list = SlottedList([1])
    slotted_list.extra = "slot"
    park()
    return locals()


# ---------------------------------------------------------------------------------------------------- callables


def function_with_everything(a, b=2, *args, c=[3], **kwargs):
    """Docstring."""
    return a, b, args, c, kwargs


function_with_everything.attribute = "on the function"


@shape
def callables():
    captured = ["captured"]

    def closure():
        return captured, unset

    if closure is None:
        unset = 1
    function = function_with_everything
    anonymous = lambda x: x  # noqa: E731
    method = WithDefaults().__init__
    class_method = dict.fromkeys
    builtin, builtin_method = len, [].append
    type_method, wrapper = "x".join, (1).__add__
    class_, builtin_class, metaclass = WithDefaults, int, QuietMeta
    quiet_made = MadeByQuietMeta
    exception_class = KeyError
    cell, empty_cell = closure.__closure__[0], closure.__closure__[1]
    code = closure.__code__
    renamed = types.FunctionType((lambda: 0).__code__, {}, "given name")
    method_of_value = types.MethodType(function, [1])
    module, module_from_file, module_made = sys, os, types.ModuleType("made")
    builtins_module = builtins
    library_module = collections
    own_module = oracle
    nested_class = Outer.Inner
    generic_alias_base = GenericClass
    park()
    return locals()


class Outer:
    class Inner:
        def method(self):
            pass


@shape
def iterables_suspended():
    def numbers():
        yield 1

    async def coroutine_function():
        pass

    async def async_numbers():
        yield 1

    fresh, started, finished = numbers(), numbers(), numbers()
    next(started)
    list(finished)
    expression = (number for number in [1, 2])
    coroutine, async_generator = coroutine_function(), async_numbers()
    park()
    coroutine.close()
    return fresh, started, finished, expression, async_generator


# ---------------------------------------------------------------------------------------------------- exceptions


class OwnError(Exception):
    def __init__(self, message, code):
        super().__init__(message, code)
        self.code = code


class SlottedError(ValueError):
    __slots__ = ("detail",)


def raised(error, cause=None, context=None):
    try:
        if context is not None:
            try:
                raise context
            except type(context):
                raise error
        elif cause is not None:
            raise error from cause
        else:
            raise error
    except type(error) as caught:
        return caught


@shape
def exceptions():
    plain, empty, many = ValueError("plain"), ValueError(), ValueError(1, "two", [3])
    key_error, stop = KeyError("key"), StopIteration(5)
    os_error = raised(OSError(2, "No such file or directory", "name é"))
    os_error_two = OSError(1, 2)
    file_not_found = raised(FileNotFoundError(2, "gone"))
    system_exit, keyboard = SystemExit(3), KeyboardInterrupt()
    unicode_error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    syntax_error = SyntaxError("bad", ("file.py", 1, 2, "text"))
    import_error = ImportError("missing", name="module", path="/path")
    with_traceback = raised(RuntimeError("raised"))
    with_cause = raised(RuntimeError("outer"), cause=ValueError("cause"))
    with_context = raised(RuntimeError("outer"), context=ValueError("context"))
    suppressed = raised(RuntimeError("alone"))
    suppressed.__suppress_context__ = True
    own = OwnError("message", 42)
    slotted = SlottedError("slotted")
    slotted.detail = "detail"
    with_attribute = ValueError("attr")
    with_attribute.extra = [1]
    noted = ValueError("noted")
    noted.__notes__ = ["first note", "second"]
    cyclic = ValueError("cycle")
    cyclic.__context__ = KeyError("back")
    cyclic.__context__.__context__ = cyclic
    contains_itself = ValueError("self")
    base = BaseException("base")
    park()
    return locals()


# ---------------------------------------------------------------------------------------------------- the rest


@shape
def other_types():
    """What may be absent, but never wrong."""
    other_deque = collections.deque([1, 2, 3], maxlen=5)
    other_empty_deque = collections.deque()
    other_rotated = collections.deque(range(200))
    other_rotated.rotate(77)
    other_ordered = collections.OrderedDict([("b", 1), ("a", 2)])
    other_ordered.move_to_end("b")
    other_default = collections.defaultdict(list, {"a": [1]})
    other_counter = collections.Counter("aab")
    other_chain = collections.ChainMap({"a": 1}, {"b": 2})
    other_array = array.array("d", [1.5, 2.5])
    other_decimal, other_fraction = decimal.Decimal("1.10"), fractions.Fraction(1, 3)
    other_date, other_time = datetime.date(2020, 2, 29), datetime.datetime(2020, 1, 2, 3, 4, 5, 678)
    other_delta = datetime.timedelta(days=1, seconds=2)
    other_uuid = uuid.UUID(int=5)
    other_path = pathlib.PurePosixPath("/a/b")
    other_pattern, other_match = re.compile("a+é"), re.match("a", "ab")
    other_partial = functools.partial(int, "10", base=2)
    other_partial_method = functools.partialmethod(print)
    other_property = property(lambda self: 1)
    other_static, other_class = staticmethod(len), classmethod(len)
    other_memory = memoryview(b"memory")
    other_proxy = types.MappingProxyType({"a": 1})
    other_namespace = types.SimpleNamespace(a=1, b="two")
    other_object = object()
    other_super = super(ListChild, ListChild())
    other_weak = weakref.ref(Plain)
    other_weak_dict = weakref.WeakValueDictionary()
    other_lock, other_rlock = threading.Lock(), threading.RLock()
    other_event = threading.Event()
    other_string_io, other_bytes_io = io.StringIO("text"), io.BytesIO(b"bytes")
    other_file = open(os.devnull, "rb")
    other_keys, other_values, other_items = {"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items()
    other_list_iterator, other_dict_iterator, other_str_iterator = iter([1]), iter({1: 2}), iter("ab")
    other_range_iterator, other_reversed = iter(range(3)), reversed([1])
    other_zip, other_map, other_enumerate = zip([1], [2]), map(str, [1]), enumerate([1])
    other_count, other_cycle, other_chain_iterator = itertools.count(5), itertools.cycle([1]), itertools.chain([1])
    other_itemgetter, other_attrgetter = operator.itemgetter(1, "a"), operator.attrgetter("a.b")
    other_random = random.Random(5)
    other_struct = struct.Struct("<d")
    other_slot_wrapper, other_method_descriptor = int.__add__, str.join
    other_member, other_getset = Slotted.a, Plain.__dict__["__dict__"]
    other_class_method_descriptor = dict.__dict__["fromkeys"]
    other_alias = typing.List[int]
    other_type_var = T
    other_stat = os.stat("/")
    other_version = sys.version_info
    other_frame = sys._getframe().f_back
    other_traceback = raised(ValueError()).__traceback__
    other_generic = getattr(types, "GenericAlias", list)(list, (int,)) if hasattr(types, "GenericAlias") else None
    other_environ = os.environ
    other_flags = sys.flags
    other_deque_child = type("DequeChild", (collections.deque,), {})([1])
    other_thread = threading.current_thread()
    other_module = colorsys  # which nobody who replays this has imported
    park()
    other_file.close()
    return locals()


@shape
def dates():
    date, earliest, latest = datetime.date(2024, 2, 29), datetime.date.min, datetime.date.max
    delta, no_delta, negative = datetime.timedelta(3, 4, 5), datetime.timedelta(), datetime.timedelta(microseconds=-1)
    least_delta, most_delta = datetime.timedelta.min, datetime.timedelta.max
    utc, half_hour = datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=30))
    named, named_zero = datetime.timezone(-delta / 6, "north"), datetime.timezone(datetime.timedelta(), "zero")
    midnight, noon, late = datetime.time(), datetime.time(12), datetime.time(23, 59, 59, 999999)
    folded, zoned_time = datetime.time(1, 30, fold=1), datetime.time(1, 2, 3, tzinfo=utc)
    folded_zoned_time = datetime.time(1, 2, tzinfo=named, fold=1)
    moment, zoned = datetime.datetime(2024, 1, 2, 3, 4), datetime.datetime(1, 1, 1, 0, 0, 5, 6, tzinfo=half_hour)
    folded_zoned = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=utc, fold=1)
    first, last = datetime.datetime.min, datetime.datetime.max
    hashed = {date: [delta], zoned: utc}
    hash(moment)
    park()
    return locals()


@shape
def decimals():
    numbers = "0 -0 1 -1 1.10 0.00 0E+5 0E-20 1E+3 123E-10 1.23E-7 0.000001 1E-6 1E-7 1234567890123456789 1E+999999"
    more = "12345678901234567890.5 -99999999999999999999999999999999999999.99999999999999999999 100000000000000000000"
    special = "NaN sNaN -NaN NaN123 Infinity -Infinity"
    plain, long_ones = [decimal.Decimal(n) for n in numbers.split()], [decimal.Decimal(n) for n in more.split()]
    no_numbers = [decimal.Decimal(n) for n in special.split()]
    large, largest = decimal.Decimal(10) ** 5000, decimal.Decimal("9" * 4000 + "E-2000")
    keys = {decimal.Decimal("1.0"): 1}
    fraction = fractions.Fraction(-22, 7)
    park()
    return locals()


@shape
def arrays():
    signed = [array.array(code, [-1, 0, 1, 127]) for code in "bhilq"]
    unsigned = [array.array(code, [0, 1, 255]) for code in "BHILQ"]
    real = [array.array("d", [0.1, -0.0, 1e300, float("inf")]), array.array("f", [0.5, 0.1, -2])]
    empty, large = array.array("i"), array.array("q", range(10000))
    grown = array.array("i", [1])
    grown.extend(range(7))
    del grown[2:4]
    letters = array.array("u", "text \u20ac \U0001f600 '")
    park()
    return locals()


@shape
def iterators():
    numbers = [1, 2, 3]
    new, begun, ended = iter(numbers), iter(numbers), iter(numbers)
    next(begun)
    list(ended)
    of_tuple, of_nothing = iter((1, 2)), iter([])
    next(of_tuple)
    counted, counted_on = enumerate(["a"]), enumerate([1, 2], 5)
    next(counted_on)
    park()
    # Where they stand is told by what is left.
    assert list(begun) == [2, 3] and list(new) == numbers and list(of_tuple) == [2]
    return locals()


@shape
def patterns():
    plain, flagged = re.compile("a+\u00e9"), re.compile("x", re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE)
    of_bytes, local = re.compile(rb"b[\x00]+'"), re.compile(b"b", re.LOCALE)
    ascii_only, inline = re.compile("a", re.ASCII), re.compile("(?is)y")
    quoted, long_one = re.compile("it's \\d\n"), re.compile("\u00e9" * 300)
    named = re.compile(r"(?P<first>a)(b)?|(?<!c)d{2,5}")
    park()
    return locals()


@shape
def locks():
    free, taken = threading.Lock(), threading.Lock()
    taken.acquire()
    park()
    return locals()


@shape
def views():
    of_bytes, of_array, released = memoryview(b"abc"), memoryview(array.array("i", [1, 2])), memoryview(b"x")
    released.release()
    closed, empty = io.BytesIO(b"gone"), io.BytesIO()
    closed.close()
    park()
    return locals()


@shape
def library_classes():
    counter, empty_counter = collections.Counter("abracadabra"), collections.Counter()
    mixed_counter = collections.Counter({"a": 1, "b": 2.5})
    small_uuid, large_uuid = uuid.UUID(int=5), uuid.UUID(int=2**128 - 1)
    middle_uuid = uuid.UUID(int=2**127)
    path, relative, here = pathlib.PurePosixPath("/a/b"), pathlib.PurePosixPath("a//b/./c"), pathlib.PurePosixPath()
    asked = pathlib.PosixPath("/usr") / "lib"
    str(asked), str(here)
    park()
    return locals()


class HostileKey:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        raise RuntimeError("compared")

    def __hash__(self):
        return hash(self.name)


@shape
def hostile_keys():
    keyed = {HostileKey("a"): 1, HostileKey("b"): 2}
    in_set = {HostileKey("c")}
    park()
    return keyed, in_set


suite.after("hostile", lambda: list(Hostile.ran))


if __name__ == "__main__":
    suite.main()
