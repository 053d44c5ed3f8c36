"""The types and functions of this interpreter that stand for the captured ones of the same name.

A fixed list: what a snapshot names is looked up here and nowhere else, so that nothing is imported because a file says
so. Types are on it only if making and freeing an instance has no effect outside of it.
"""

from __future__ import annotations

import argparse
import builtins
import collections
import functools
import itertools
import math
import operator
import threading
import time
import types
import uuid
from typing import Any, Callable, Dict, Set, Tuple

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
        "list_iterator": type(iter([])),
        "tuple_iterator": type(iter(())),
        "str_iterator": type(iter("\u0100")),
        "range_iterator": type(iter(range(0))),
        "dict_keyiterator": type(iter({})),
        "set_iterator": type(iter(set())),
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
        *plain_types(),
    ):
        table[value.__module__, value.__qualname__] = value
    return table


def plain_types() -> Set[type]:
    """Those made of nothing but attributes, in C or Python, without a __new__ or __del__ of their own.

    Their methods work on captured ones.
    """
    return {
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

    def make_proxy(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(parts["mapping"])

    return {
        property: make_property,
        staticmethod: make_method,
        classmethod: make_method,
        functools.partial: make_partial,
        types.MappingProxyType: make_proxy,
    }
