"""The types and functions of this interpreter that stand for the captured ones of the same name.

A fixed list: what a snapshot names is looked up here and nowhere else, so that nothing is imported because a file says
so. Types are on it only if making and freeing an instance has no effect outside of it.
"""

from __future__ import annotations

import argparse
import array
import builtins
import collections
import datetime
import decimal
import fractions
import functools
import importlib.machinery
import io
import ipaddress
import itertools
import math
import operator
import os
import pathlib
import queue
import re
import struct
import sys
import threading
import time
import types
import typing
import uuid
import warnings
import weakref
import xml.etree.ElementTree
from typing import Any, Callable, Dict, Set, Tuple

from pysnap._combinatorics import combinatoric_builders
from pysnap._iterators import hidden_iterator_types, iterator_builders
from pysnap._parts import data, items, joined, mapping, number, numbered, text

Name = Tuple[str, str]


def _hidden_types() -> Dict[str, type]:
    """Types of the interpreter that have no public name of their own in `builtins`."""

    def function() -> Any:
        yield

    found: Dict[str, type] = {
        "NoneType": type(None),
        "NotImplementedType": type(NotImplemented),
        "ellipsis": type(...),
        "cell": types.CellType,
        "dict_keys": type({}.keys()),
        "dict_values": type({}.values()),
        "dict_items": type({}.items()),
        "odict_keys": type(collections.OrderedDict().keys()),
        "odict_values": type(collections.OrderedDict().values()),
        "odict_items": type(collections.OrderedDict().items()),
        "method_descriptor": types.MethodDescriptorType,
        "wrapper_descriptor": types.WrapperDescriptorType,
        "method-wrapper": types.MethodWrapperType,
        "classmethod_descriptor": types.ClassMethodDescriptorType,
        "getset_descriptor": types.GetSetDescriptorType,
        "member_descriptor": types.MemberDescriptorType,
        "mappingproxy": types.MappingProxyType,
        "generator": types.GeneratorType,
        "coroutine": types.CoroutineType,
        "async_generator": types.AsyncGeneratorType,
        "function": types.FunctionType,
        "method": types.MethodType,
        "builtin_function_or_method": types.BuiltinFunctionType,
        "code": types.CodeType,
        "frame": types.FrameType,
        "traceback": types.TracebackType,
        "module": types.ModuleType,
        **hidden_iterator_types(),
    }
    return found


def known_types() -> Dict[Name, type]:
    table: Dict[Name, type] = {}
    for value in vars(builtins).values():
        if isinstance(value, type) and value.__module__ == "builtins":
            table["builtins", value.__qualname__] = value
    for name, value in _hidden_types().items():
        table["builtins", name] = value
    # Their captured names differ between versions: 3.8's NoneType is builtins.NoneType as well.
    for value in (
        collections.deque,
        collections.OrderedDict,
        collections.defaultdict,
        collections.Counter,
        functools.partial,
        array.array,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        datetime.timezone,
        decimal.Decimal,
        io.BytesIO,
        io.StringIO,
        operator.attrgetter,
        operator.itemgetter,
        operator.methodcaller,
        queue.SimpleQueue,
        re.Pattern,
        struct.Struct,
        xml.etree.ElementTree.Element,
        type(threading.Lock()),
        type(threading.RLock()),
        weakref.ReferenceType,
        *combinatoric_builders(),
        *iterator_builders(),
        *plain_types(),
        *struct_sequences(),
    ):
        table[value.__module__, value.__qualname__] = value
    any_type: object = typing.Any  # a class from 3.11 on
    if isinstance(any_type, type):
        table["typing", "Any"] = any_type
    table["builtins", "Struct"] = struct.Struct  # to 3.8
    table["builtins", "weakref"] = weakref.ReferenceType  # to 3.11
    if sys.version_info >= (3, 9):
        table["types", "GenericAlias"] = types.GenericAlias
    if sys.version_info >= (3, 10):
        table["types", "UnionType"] = types.UnionType
        table["typing", "Union"] = types.UnionType  # as it is called from 3.14 on
    return table


def struct_sequences() -> Set[type]:
    """Tuples whose items have names, written in C."""
    found: Set[type] = {time.struct_time}
    for module in os, sys:
        for value in vars(module).values():
            cls = value if isinstance(value, type) else type(value)
            if issubclass(cls, tuple) and "n_sequence_fields" in vars(cls):
                found.add(cls)
    return found


def version_types() -> Set[type]:
    """Plain types whose attributes are other ones in another version."""
    addresses = {
        getattr(ipaddress, f"IPv{version}{what}") for version in (4, 6) for what in ("Address", "Network", "Interface")
    }
    return {
        *addresses,
        pathlib.PosixPath,
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
        queue.LifoQueue,
        queue.PriorityQueue,
        queue.Queue,
        *struct_sequences(),
        *typing_aliases(),
    }


def typing_aliases() -> Set[type]:
    """Of Optional[int] and the like, and of Any, which are instances of classes without a public name."""
    found = {type(alias) for alias in (typing.List[int], typing.Optional[int], typing.Callable[[int], str], typing.Any)}
    union = getattr(types, "UnionType", None)  # of which Optional[int] is one from 3.14 on
    return {cls for cls in found if cls.__module__ == "typing" and cls is not union and not issubclass(cls, type)}


def plain_types() -> Set[type]:
    """Those made of nothing but attributes, in C or Python, without a __del__ of their own.

    Their methods work on captured ones.
    """
    return {
        *(version_types() - struct_sequences()),
        fractions.Fraction,
        importlib.machinery.ModuleSpec,
        argparse.Namespace,
        collections.ChainMap,
        collections.UserDict,
        collections.UserList,
        collections.UserString,
        threading.Barrier,
        threading.Condition,
        threading.Event,
        threading.Semaphore,
        threading.BoundedSemaphore,
        types.SimpleNamespace,
        uuid.UUID,
    }


def known_functions() -> Dict[Name, Callable[..., Any]]:
    """Functions written in C without effects on the machine: calling one in the debugger is the user's own doing."""
    table: Dict[Name, Callable[..., Any]] = {}
    for module in (builtins, math, operator, itertools, time):
        for name, value in vars(module).items():
            if isinstance(value, types.BuiltinFunctionType):
                table[getattr(value, "__module__", None) or module.__name__, name] = value
                table[module.__name__, name] = value
    return table


def library_builders() -> Dict[type, Callable[[type, Dict[str, Any]], Any]]:
    """Of types of the standard library. What an argument cannot be raises, and a stand-in is made instead."""

    def make_delta(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(*(number(parts, name) for name in ("days", "seconds", "microseconds")))

    def make_date(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(*(number(parts, name) for name in ("year", "month", "day")))

    def make_time(cls: type, parts: Dict[str, Any]) -> Any:
        names = ("hour", "minute", "second", "microsecond")
        return cls(*(number(parts, name) for name in names), parts.get("tzinfo"), fold=number(parts, "fold"))

    def make_datetime(cls: type, parts: Dict[str, Any]) -> Any:
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return cls(*(number(parts, name) for name in names), parts.get("tzinfo"), fold=number(parts, "fold"))

    def make_timezone(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(parts["offset"], parts["name"]) if "name" in parts else cls(parts["offset"])

    def make_decimal(cls: type, parts: Dict[str, Any]) -> Any:
        # An exponent that is no number is one of the letters of Decimal.as_tuple().
        exponent: Any = data(parts, "special").decode() if "special" in parts else number(parts, "exponent")
        digits = tuple(digit - ord("0") for digit in data(parts, "digits"))
        return cls(decimal.DecimalTuple(number(parts, "sign"), digits, exponent))

    def make_array(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = cls(data(parts, "typecode").decode())
        if made.itemsize != number(parts, "itemsize"):
            raise ValueError("items of another size")
        made.frombytes(data(parts, "items"))
        return made

    def make_pattern(cls: type, parts: Dict[str, Any]) -> Any:
        pattern = parts["pattern"]
        if type(pattern) not in (str, bytes):
            raise ValueError("no pattern")
        template = 1  # re.TEMPLATE, to 3.12: of no effect, and deprecated
        flags = number(parts, "flags") & ~re.DEBUG & ~template
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern, flags)

    def make_memory_view(cls: type, parts: Dict[str, Any]) -> Any:
        if "released" in parts:
            released = memoryview(b"")
            released.release()
            return released
        items, packed = data(parts, "items"), data(parts, "shape")
        shape = struct.unpack(f"{len(packed) // 8}q", packed)
        flat = memoryview(items if number(parts, "readonly") else bytearray(items))
        code: Any = data(parts, "format").decode()
        if code == "B" and len(shape) == 1:
            return flat
        return flat.cast(code, shape)

    def make_bytes_io(cls: type, parts: Dict[str, Any]) -> Any:
        if "closed" in parts:
            made = io.BytesIO()
            made.close()
        else:
            made = io.BytesIO(data(parts, "contents"))
            made.seek(number(parts, "position"))
        return made

    def make_string_io(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = io.StringIO()
        if "closed" in parts:
            made.close()
            return made
        newline = text(parts, "newline") if parts.get("newline") is not None else None
        if number(parts, "universal"):
            newline = None if number(parts, "translate") else ""
        if "contents" in parts:
            codec = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[number(parts, "width")]
            contents = data(parts, "contents").decode(codec, "strict" if codec == "latin-1" else "surrogatepass")
        else:
            contents = "".join(joined(parts[name]) for name in ("large", "small") if name in parts)
        # As it is: to write it would change the ends of lines.
        made.__setstate__((contents, newline, number(parts, "position"), None))
        return made

    def make_item_getter(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(*items(parts, "item")) if number(parts, "count") > 1 else cls(parts["item"])

    def make_attribute_getter(cls: type, parts: Dict[str, Any]) -> Any:
        names = [parts[name] for name in numbered(parts)]
        return cls(*(name if type(name) is str else joined(name, ".") for name in names))

    def make_method_caller(cls: type, parts: Dict[str, Any]) -> Any:
        keywords = mapping(parts, "kwargs") if "kwargs" in parts else {}
        return cls(text(parts, "name"), *items(parts, "args")[number(parts, "with_name") :], **keywords)

    def make_struct(cls: type, parts: Dict[str, Any]) -> Any:
        pattern = parts["format"]
        if type(pattern) not in (str, bytes):
            raise ValueError("no format")
        return cls(pattern)

    def make_simple_queue(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = cls()
        for name in numbered(parts):
            made.put(parts[name])
        return made

    def make_element(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = cls(parts["tag"], mapping(parts, "attrib") if "attrib" in parts else {})
        for name in "text", "tail":
            value = parts.get(name)
            setattr(made, name, joined(value) if type(value) is list else value)
        made.extend([parts[name] for name in numbered(parts)])
        return made

    def make_lock(cls: type, parts: Dict[str, Any]) -> Any:
        made = threading.Lock()
        if number(parts, "locked"):
            made.acquire()
        return made

    def make_recursive_lock(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = threading.RLock()
        if number(parts, "count"):
            made._acquire_restore((number(parts, "count"), number(parts, "owner")))
        return made

    def make_union(cls: type, parts: Dict[str, Any]) -> Any:
        return functools.reduce(operator.or_, plain_arguments(parts))

    def make_alias(cls: type, parts: Dict[str, Any]) -> Any:
        if type(parts["__origin__"]) is not type:
            raise ValueError("of a class that a class of the program made")
        return types.GenericAlias(parts["__origin__"], plain_arguments(parts))

    def plain_arguments(parts: Dict[str, Any]) -> Any:
        arguments = parts["__args__"]
        # Anything else could say what `|` does, or what its parameters are.
        plain = (type, type(None), types.GenericAlias)
        if type(arguments) is not tuple or not all(type(argument) in plain for argument in arguments):
            raise ValueError("with arguments that a class of the program made")
        return arguments

    def make_reference(cls: type, parts: Dict[str, Any]) -> Any:
        # It would be called when the object goes.
        if parts.get("callback") is not None:
            raise ValueError("it has a callback")
        if parts.get("object") is None:
            raise ValueError("what it referred to is gone")
        return weakref.ref(parts["object"])

    return {
        datetime.timedelta: make_delta,
        datetime.date: make_date,
        datetime.time: make_time,
        datetime.datetime: make_datetime,
        datetime.timezone: make_timezone,
        decimal.Decimal: make_decimal,
        array.array: make_array,
        re.Pattern: make_pattern,
        memoryview: make_memory_view,
        io.BytesIO: make_bytes_io,
        type(threading.Lock()): make_lock,
        type(threading.RLock()): make_recursive_lock,
        weakref.ReferenceType: make_reference,
        **({types.GenericAlias: make_alias} if sys.version_info >= (3, 9) else {}),
        **({types.UnionType: make_union} if sys.version_info >= (3, 10) else {}),
        io.StringIO: make_string_io,
        operator.attrgetter: make_attribute_getter,
        operator.itemgetter: make_item_getter,
        operator.methodcaller: make_method_caller,
        queue.SimpleQueue: make_simple_queue,
        struct.Struct: make_struct,
        xml.etree.ElementTree.Element: make_element,
        **combinatoric_builders(),
        **iterator_builders(),
    }


def part_builders() -> Dict[type, Callable[[type, Dict[str, Any]], Any]]:
    """For values captured as named parts: what makes one of this interpreter's types of them."""

    def make_property(cls: type, parts: Dict[str, Any]) -> Any:
        get = parts.get
        return cls(get("fget"), get("fset"), get("fdel"), get("__doc__"))

    def make_method(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(parts["__func__"])

    def make_partial(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = cls(len)
        # What is called need not be callable here.
        made.__setstate__((parts["func"], parts["args"], parts["keywords"], {}))
        return made

    def make_super(cls: type, parts: Dict[str, Any]) -> Any:
        if "__self__" not in parts:
            return cls(parts["__thisclass__"])
        line = type.__dict__["__mro__"].__get__
        this, bound = parts["__thisclass__"], parts["__self__"]
        # Otherwise the object would be asked for its class.
        if not issubclass(type(this), type) or this not in line(type(bound)):
            raise ValueError("of an object of another class")
        return cls(this, bound)

    def make_view(view: Callable[[Any], Any]) -> Callable[[type, Dict[str, Any]], Any]:
        def make(cls: type, parts: Dict[str, Any]) -> Any:
            if not issubclass(type(parts["mapping"]), dict):
                raise ValueError("of something else than a dict")
            return view(parts["mapping"])

        return make

    def make_proxy(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(parts["mapping"])

    return {
        **library_builders(),
        property: make_property,
        staticmethod: make_method,
        classmethod: make_method,
        functools.partial: make_partial,
        super: make_super,
        types.MappingProxyType: make_proxy,
        type({}.keys()): make_view(dict.keys),
        type({}.values()): make_view(dict.values),
        type({}.items()): make_view(dict.items),
        type(collections.OrderedDict().keys()): make_view(collections.OrderedDict.keys),
        type(collections.OrderedDict().values()): make_view(collections.OrderedDict.values),
        type(collections.OrderedDict().items()): make_view(collections.OrderedDict.items),
    }
