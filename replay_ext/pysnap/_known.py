"""The types and functions of this interpreter that stand for the captured ones of the same name.

A fixed list: what a snapshot names is looked up here and nowhere else, so that nothing is imported because a file says
so. Types are on it only if making and freeing an instance has no effect outside of it.
"""

from __future__ import annotations

import _weakref
import argparse
import array
import builtins
import collections
import contextvars
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
import weakref
import xml.etree.ElementTree
from typing import Any, Callable, Dict, Set, Tuple

from pysnap._caches import LRU_CACHE
from pysnap._combinatorics import combinatoric_builders
from pysnap._iterators import hidden_iterator_types, iterator_builders

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


#: Of the classes of named tuples, for each field.
TUPLE_GETTER: type = type(vars(collections.namedtuple("_Example", "field"))["field"])  # noqa: PYI024


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
        contextvars.Context,
        contextvars.ContextVar,
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
        LRU_CACHE,
        weakref.ReferenceType,
        weakref.ProxyType,
        weakref.CallableProxyType,
        *combinatoric_builders(),
        *iterator_builders(),
        *plain_types(),
        *struct_sequences(),
    ):
        table[value.__module__, value.__qualname__] = value
    any_type: object = typing.Any  # a class from 3.11 on
    if isinstance(any_type, type):
        table["typing", "Any"] = any_type
    table["_collections", "_tuplegetter"] = table["collections", "_tuplegetter"] = TUPLE_GETTER  # to 3.11, and later
    table["builtins", "Context"] = contextvars.Context  # to 3.9
    table["builtins", "ContextVar"] = contextvars.ContextVar  # to 3.8
    table["builtins", "Struct"] = struct.Struct  # to 3.8
    table["builtins", "weakref"] = weakref.ReferenceType  # to 3.11
    table["builtins", "weakproxy"] = weakref.ProxyType  # to 3.11
    table["builtins", "weakcallableproxy"] = weakref.CallableProxyType  # to 3.11
    if sys.version_info >= (3, 9):
        import zoneinfo

        table["zoneinfo", "ZoneInfo"] = zoneinfo.ZoneInfo
        table["types", "GenericAlias"] = types.GenericAlias
    if sys.version_info >= (3, 10):
        table["types", "UnionType"] = types.UnionType
        table["typing", "Union"] = types.UnionType  # as it is called from 3.14 on
    return table


@functools.lru_cache(maxsize=None)
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
    for module in (builtins, math, operator, itertools, time, _weakref):
        for name, value in vars(module).items():
            if isinstance(value, types.BuiltinFunctionType):
                table[getattr(value, "__module__", None) or module.__name__, name] = value
                table[module.__name__, name] = value
    return table
