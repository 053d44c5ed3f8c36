"""Whether a replayed graph of objects is the one that was made here: the same types, values, order, and shared parts.

Nothing that a class of the program says is asked, and nothing recurses: graphs may be deep, and lead back
to themselves.
"""

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import types
import uuid

import oracle
from sameness import MISSING, read

# What has a value and no parts, and whether it is one object or two does not matter.
PLAIN = (int, float, complex, str, bytes, range)
MUTABLE = (bytearray, array.array, memoryview)
SHOWN = (uuid.UUID, fractions.Fraction, decimal.Decimal, datetime.datetime, datetime.timedelta)
FUNCTION = ("__name__", "__qualname__", "__module__", "__defaults__", "__kwdefaults__", "__closure__", "__dict__")
FIELDS = (
    (types.FunctionType, FUNCTION),
    (types.MethodType, ("__func__", "__self__")),
    (property, ("fget", "fset", "fdel", "__doc__")),
    ((staticmethod, classmethod), ("__func__",)),
    (types.BuiltinFunctionType, ("__name__", "__module__")),
    (types.CellType, ("cell_contents",)),
    (slice, ("start", "stop", "step")),
    (functools.partial, ("func", "args", "keywords")),
    (collections.defaultdict, ("default_factory",)),
    (collections.deque, ("maxlen",)),
    (BaseException, ("args", "__cause__", "__context__", "__suppress_context__", "__traceback__")),
)


def base_of(value, bases):
    return next((base for base in bases if isinstance(value, base)), None)


def value_text(value):
    """Of one without parts."""
    if isinstance(value, type):
        return oracle.type_name(value)
    if read(value, "_name_") is not MISSING:  # of an enumeration, which is rebuilt without its metaclass
        return read(value, "_name_")
    if isinstance(value, memoryview):
        return value.format + repr(value.tobytes())
    base = base_of(value, PLAIN + MUTABLE)
    return repr(value) if base is None else base.__repr__(value)


def is_value(value):
    if value is None or value is ... or value is NotImplemented or isinstance(value, (type, enum.Enum)):
        return True
    return isinstance(value, PLAIN + MUTABLE + SHOWN) and "__dict__" not in dir(type(value))


def key_text(key):
    """Sets have no order that two processes share: one that goes by what is in them."""
    if isinstance(key, tuple):
        return oracle.type_name(type(key)) + str([key_text(part) for part in tuple.__iter__(key)])
    return oracle.type_name(type(key)) + value_text(key)


def parts(value):
    """(name, part) of all that it holds."""
    base = base_of(value, (list, tuple, collections.deque, set, frozenset))
    if base is not None:
        items = list(base.__iter__(value))
        if base in (set, frozenset):
            items.sort(key=key_text)
        yield "len", len(items)
        yield from enumerate(items)
    base = base_of(value, (collections.OrderedDict, dict, types.MappingProxyType))
    if base is not None:
        items = list(base.items(value))
        yield "len", len(items)
        for index, (key, held) in enumerate(items):
            yield f"key {index}", key
            yield f"value {index}", held
    if isinstance(value, PLAIN + MUTABLE):
        yield "value", value_text(value)
    for kind, names in FIELDS:
        if isinstance(value, kind):
            for name in names:
                yield name, getattr(value, name)
    if isinstance(value, types.FunctionType):
        return
    attributes = read(value, "__dict__")
    if isinstance(attributes, dict):
        yield "attributes", sorted(attributes)
        for name in sorted(attributes):
            yield name, attributes[name]
    for cls in type(value).__mro__:
        for name, member in vars(cls).items():
            if isinstance(member, types.MemberDescriptorType) and "__slots__" in vars(cls):
                yield name, read(value, name)


def is_one_object(value):
    """Whether it could be told from one that is equal."""
    if isinstance(value, (tuple, frozenset)):
        return len(value) > 0
    return not is_value(value) or isinstance(value, MUTABLE)


def first_difference(have, want):
    """None when they are the same."""
    ours, theirs = {}, {}
    alive = []  # an id is an object's own only while it lives
    stack = [("", have, want)]
    while stack:
        where, mine, its = stack.pop()
        if oracle.type_name(type(mine)) != oracle.type_name(type(its)):
            return f"{where}: {object.__repr__(mine)}, not a {type(its)}"
        if is_one_object(its):
            known = ours.get(id(mine)), theirs.get(id(its))
            if known == (id(its), id(mine)):
                continue
            if known != (None, None):
                return f"{where}: the {type(its)} is shared otherwise"
            ours[id(mine)], theirs[id(its)] = id(its), id(mine)
            alive.append((mine, its))
        if is_value(its):
            if value_text(mine) != value_text(its):
                return f"{where}: {value_text(mine)[:200]}, not {value_text(its)[:200]}"
            continue
        pairs = list(parts(mine)), list(parts(its))
        names = [[name for name, _ in each] for each in pairs]
        if names[0] != names[1]:
            return f"{where}: {type(its)} has {names[0][:50]}, not {names[1][:50]}"
        for (name, part), (_, other) in zip(*pairs):
            stack.append((f"{where}.{name}", part, other))
    return None
