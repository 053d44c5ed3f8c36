"""What makes a value of this interpreter of the parts that a captured one was recorded as.

A file may give any object under any name: what is made is made by Python's own types alone, and what an argument cannot
be raises, whereupon a stand-in is made instead.
"""

from __future__ import annotations

import array
import collections
import contextvars
import datetime
import decimal
import functools
import io
import operator
import queue
import re
import struct
import sys
import threading
import types
import warnings
import weakref
import xml.etree.ElementTree
from typing import Any, Callable, Dict, Set, Tuple

from pysnap._absent import CallbackNotCalled
from pysnap._caches import LRU_CACHE, cached_function
from pysnap._combinatorics import combinatoric_builders
from pysnap._files import file_stand_ins
from pysnap._iterators import iterator_builders, keeping_iterators
from pysnap._known import TUPLE_GETTER
from pysnap._late_iterators import iterator_stand_ins
from pysnap._match import Match
from pysnap._numpy import numpy_stand_ins
from pysnap._parts import data, items, joined, listed, mapping, number, numbered, sizes, text
from pysnap._torch import torch_stand_ins

VIEWS = tuple((of, getattr(of, name)) for of in (dict, collections.OrderedDict) for name in ("keys", "values", "items"))


def library_builders() -> Dict[type, Callable[[type, Dict[str, Any]], Any]]:
    """Of types of the standard library."""

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

    def make_zone(cls: type, parts: Dict[str, Any]) -> Any:
        # Of this machine's own database; ZoneInfo looks at no other file.
        return cls(text(parts, "key"))

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
        items, shape = data(parts, "items"), sizes(parts, "shape")
        flat = memoryview(items if number(parts, "readonly") else bytearray(items))
        code: Any = data(parts, "format").decode()
        if code == "B" and len(shape) == 1:
            return flat
        return flat.cast(code, shape)

    def make_bytes_io(cls: type, parts: Dict[str, Any]) -> Any:
        if "closed" in parts:
            made: Any = cls()
            made.close()
        else:
            made = cls(data(parts, "contents"))
            made.seek(number(parts, "position"))
        return made

    def make_string_io(cls: type, parts: Dict[str, Any]) -> Any:
        made: Any = cls()
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

    def make_context(cls: type, parts: Dict[str, Any]) -> Any:
        made, items = contextvars.Context(), listed(parts)
        for variable, value in zip(items[::2], items[1::2]):
            if type(variable) is not contextvars.ContextVar:
                raise ValueError("no variable")
            made.run(variable.set, value)
        return made

    def make_context_variable(cls: type, parts: Dict[str, Any]) -> Any:
        default = {"default": parts["default"]} if "default" in parts else {}
        return cls(text(parts, "name"), **default)

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

    class Gone:
        pass

    def referred(parts: Dict[str, Any]) -> Tuple[Any, ...]:
        """The arguments of a weak reference; of one that is dead, an object that is about to go."""
        referent = Gone() if parts.get("object") is None else parts["object"]
        callback = parts.get("callback")
        return (referent,) if callback is None else (referent, CallbackNotCalled(callback))

    def make_reference(cls: type, parts: Dict[str, Any]) -> Any:
        return weakref.ref.__new__(cls, *referred(parts))

    def make_weak_proxy(cls: type, parts: Dict[str, Any]) -> Any:
        return weakref.proxy(*referred(parts))

    recent: Dict[type, Callable[[type, Dict[str, Any]], Any]] = {}
    if sys.version_info >= (3, 9):
        import zoneinfo

        recent = {zoneinfo.ZoneInfo: make_zone, types.GenericAlias: make_alias}
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
        contextvars.Context: make_context,
        contextvars.ContextVar: make_context_variable,
        io.BytesIO: make_bytes_io,
        type(threading.Lock()): make_lock,
        type(threading.RLock()): make_recursive_lock,
        weakref.ReferenceType: make_reference,
        weakref.ProxyType: make_weak_proxy,
        weakref.CallableProxyType: make_weak_proxy,
        **recent,
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
    """By the type that is to be made; each is called with that type and the parts by name."""

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

    def make_tuple_getter(cls: type, parts: Dict[str, Any]) -> Any:
        return cls(number(parts, "index"), parts.get("doc"))

    def make_lru_cache(cls: type, parts: Dict[str, Any]) -> Any:
        return cached_function(parts)

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
        TUPLE_GETTER: make_tuple_getter,
        LRU_CACHE: make_lru_cache,
        **{type(view(of())): make_view(view) for of, view in VIEWS},
    }


def stand_ins() -> Dict[Tuple[str, str], Callable[[Dict[str, Any]], Any]]:
    """By the module and the name of a type that has no instances here: what describes one."""
    return {
        **file_stand_ins(),
        **iterator_stand_ins(),
        **numpy_stand_ins(),
        **torch_stand_ins(),
        ("re", "Match"): Match,
    }


def keeping_types() -> Set[type]:
    """Those that hold their parts and do not look into them: they can be made before the parts are whole."""
    return {
        property,
        staticmethod,
        classmethod,
        functools.partial,
        contextvars.ContextVar,
        queue.SimpleQueue,
        super,
        types.MappingProxyType,
        weakref.ReferenceType,
        weakref.ProxyType,
        weakref.CallableProxyType,
        *(type(view(of())) for of, view in VIEWS),
        LRU_CACHE,
        *keeping_iterators(),
    }
