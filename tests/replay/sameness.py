"""Compares a replayed value with one made here; the replayed one is asked nothing that a class of the program says."""

import collections
import contextvars
import itertools
import re
import types
import weakref

import oracle
import pysnap

TEXTS = (int, float, complex, str, bytes, bytearray)
HIDDEN = ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__slots__")
# What would run when a value is looked at: in a rebuilt class Python's own stand for them.
IMPLICIT = (
    "__abstractmethods__",
    "__format__",
    "__hash__",
    "__repr__",
    "__str__",
    "__getattr__",
    "__setattr__",
    "__delattr__",
)


def masked(text):
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", text)


def differences(have, want, shown):
    found = []
    repr(want)  # some keep what they have shown
    try:
        text = masked(repr(have))
        if text != masked(shown):
            found.append(f"repr {text[:200]} not {masked(shown)[:200]}")
    except Exception as error:
        found.append(f"repr raises {error!r}")
    # This goes through iterators to their ends.
    return found + list(itertools.islice(compare(have, want, "", {}), 3))


def compare(have, want, where, seen):
    if (id(have), id(want)) in seen:
        return
    seen[id(have), id(want)] = have, want
    kind = type(want)
    if oracle.type_name(type(have)) != oracle.type_name(kind):
        shown = repr(have) if isinstance(have, pysnap.Absent) else object.__repr__(have)
        yield f"{where}: {shown[:100]}, not a {kind}"
        return
    if want is None or kind in (bool, type(...), type(NotImplemented)):
        if have is not want:
            yield f"{where}: not the same"
    elif issubclass(kind, weakref.ReferenceType):
        referred = weakref.ReferenceType.__call__
        yield from compare(referred(have), referred(want), f"{where}()", seen)
        callback = have.__callback__
        if isinstance(callback, pysnap.CallbackNotCalled):
            callback = callback.callback
        if (callback is None) != (want.__callback__ is None):
            yield f"{where}.__callback__: {callback!r}, not {want.__callback__!r}"
    elif kind in weakref.ProxyTypes:
        yield from compare(reached(have), reached(want), f"{where}, through it", seen)
        return
    elif issubclass(kind, type):
        yield from compare_classes(have, want, where, seen)
        return
    elif isinstance(want, TEXTS):
        base = next(base for base in TEXTS if isinstance(want, base))
        if base.__repr__(have) != base.__repr__(want):
            yield f"{where}: {base.__repr__(have)[:100]}, not {base.__repr__(want)[:100]}"
    elif isinstance(want, dict):
        items = collections.OrderedDict.items if isinstance(want, collections.OrderedDict) else dict.items
        yield from compare_items(list(items(have)), list(items(want)), where, seen)
    elif isinstance(want, (set, frozenset)):
        base = set if isinstance(want, set) else frozenset
        yield from compare_items(
            sorted(base.__iter__(have), key=order), sorted(base.__iter__(want), key=order), where, seen
        )
    elif isinstance(want, (list, tuple, collections.deque)):
        base = next(base for base in (list, tuple, collections.deque) if isinstance(want, base))
        yield from compare_items(list(base.__iter__(have)), list(base.__iter__(want)), where, seen)
        if "n_sequence_fields" in vars(kind):
            for name, value in vars(kind).items():
                if isinstance(value, types.MemberDescriptorType):
                    yield from compare(getattr(have, name), getattr(want, name), f"{where}.{name}", seen)
    elif isinstance(want, types.FunctionType):
        names = (
            "__name__",
            "__qualname__",
            "__module__",
            "__doc__",
            "__defaults__",
            "__kwdefaults__",
            "__annotations__",
            "__closure__",
        )
        for name in names:
            try:
                its = getattr(have, name)
            except pysnap.CodeNotRun:  # from 3.14 on a function makes the annotations
                continue
            yield from compare(its, getattr(want, name), f"{where}.{name}", seen)
    elif kind is types.CellType:
        yield from compare(read(have, "cell_contents"), read(want, "cell_contents"), f"{where}.cell_contents", seen)
    elif kind is types.MethodType:
        yield from compare(have.__func__, want.__func__, f"{where}.__func__", seen)
        yield from compare(have.__self__, want.__self__, f"{where}.__self__", seen)
        return
    elif kind is types.BuiltinMethodType:
        if have.__name__ != want.__name__:
            yield f"{where}: {have.__name__}, not {want.__name__}"
        yield from compare(have.__self__, want.__self__, f"{where}.__self__", seen)
        return
    elif isinstance(want, types.ModuleType):
        return
    elif isinstance(want, BaseException):
        for name in ("args", "__cause__", "__context__", "__suppress_context__"):
            yield from compare(getattr(have, name), getattr(want, name), f"{where}.{name}", seen)
    elif kind is contextvars.Context:
        held = [sorted((variable.name, value) for variable, value in each.items()) for each in (have, want)]
        yield from compare_items(*held, where, seen)
        return
    elif kind.__eq__ is not object.__eq__ and oracle.type_name(kind).split(".")[0] != "catalogue":
        try:
            if have != want and repr(have) != repr(want):
                yield f"{where}: unequal"
        except pysnap.CodeNotRun:
            pass
    elif hasattr(kind, "__next__"):
        items = [list(itertools.islice(each, 10)) for each in (have, want)]
        yield from compare(*items, f"{where}, then", seen)
    for name in attribute_names(want):
        mine, its = (read(each, name) for each in (want, have))
        yield from compare(its, mine, f"{where}.{name}", seen)


def reached(proxy):
    """The attributes of what a weak proxy stands for, or that it is gone."""
    try:
        return dict(vars(proxy))
    except (ReferenceError, TypeError) as error:
        return str(error)


def order(item):
    return str(item) + str([read(item, name) for name in attribute_names(item)])


def compare_items(have, want, where, seen):
    if len(have) != len(want):
        yield f"{where}: {len(have)} items, not {len(want)}"
        return
    for index, pair in enumerate(zip(have, want)):
        yield from compare(*pair, f"{where}[{index}]", seen)


def compare_classes(have, want, where, seen):
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        if getattr(have, name) != getattr(want, name):
            yield f"{where}.{name}: {getattr(have, name)!r}, not {getattr(want, name)!r}"
    lines = [[oracle.type_name(base) for base in each.__mro__] for each in (have, want)]
    if lines[0] != lines[1]:
        yield f"{where}.__mro__: {lines[0]}, not {lines[1]}"
    if want.__module__ != "catalogue":
        return
    for name, value in vars(want).items():
        if name in HIDDEN or name in IMPLICIT:
            continue
        if name not in vars(have):
            yield f"{where}.{name}: missing"
        elif name == "__annotations__" or isinstance(value, (types.FunctionType, int, str, tuple)):
            yield from compare(vars(have)[name], value, f"{where}.{name}", seen)


def attribute_names(value):
    """Of its __dict__ and of the slots of its classes."""
    own = read(value, "__dict__")
    names = list(own) if isinstance(own, dict) and not isinstance(value, types.FunctionType) else []
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        names += [name for name in ([slots] if isinstance(slots, str) else slots) if name not in HIDDEN]
    return sorted(set(names))


MISSING = "nothing"


def read(value, name):
    try:
        return object.__getattribute__(value, name)
    except (AttributeError, ValueError):  # an empty slot, an empty cell
        return MISSING
