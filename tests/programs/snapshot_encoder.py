"""Writes snapshot files of live Python values, to test what prints them: a protobuf encoder of the fields it needs.

It knows proto/snapshot.proto only as numbers, and nothing of pysnap's own code, so that it can prove that wrong.
"""

import collections
import functools
import gc
import struct
import sys
import types
from typing import Any, Callable, Dict, Iterable, List, Optional


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63) if value < 0 else value << 1


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value & (1 << 64) - 1)


def data(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def packed(field: int, values: Iterable[int]) -> bytes:
    content = b"".join(varint(value) for value in values)
    return data(field, content) if content else b""


def text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


HEAPTYPE = 1 << 9


def viewed(view: Any) -> Any:
    """The dict of a view."""
    return next(each for each in gc.get_referents(view) if isinstance(each, dict))


PARTS: Dict[type, Dict[str, Callable[[Any], Any]]] = {
    staticmethod: {"__func__": lambda value: value.__func__},
    classmethod: {"__func__": lambda value: value.__func__},
    functools.partial: {
        "func": lambda value: value.func,
        "args": lambda value: value.args,
        "keywords": lambda value: value.keywords,
    },
    types.MappingProxyType: {"mapping": lambda value: gc.get_referents(value)[0]},
    type({}.keys()): {"mapping": viewed},
    type({}.values()): {"mapping": viewed},
    type({}.items()): {"mapping": viewed},
}


class Encoder:
    """Collects objects and strings; ids are given in the order of first mention."""

    def __init__(self) -> None:
        self.strings: Dict[str, int] = {}
        self.ids: Dict[int, int] = {}
        self.queue: List[Any] = []
        self.objects: List[bytes] = []

    def string(self, value: str) -> int:
        return self.strings.setdefault(value, len(self.strings) + 1)

    def ref(self, value: Any) -> int:
        if id(value) not in self.ids:
            self.queue.append(value)
            self.ids[id(value)] = len(self.queue)
        return self.ids[id(value)]

    def finish(self) -> None:
        while len(self.objects) < len(self.queue):
            value = self.queue[len(self.objects)]
            self.objects.append(number(1, id(value)) + number(2, self.ref(type(value))) + self.payload(value))

    def sequence(self, kind: int, items: Iterable[Any]) -> bytes:
        return data(12, number(1, kind) + packed(2, [self.ref(item) for item in items]))

    def mapping(self, value: Dict[Any, Any]) -> bytes:
        keys, values = [self.ref(key) for key in value], [self.ref(item) for item in value.values()]
        return data(13, packed(1, keys) + packed(2, values))

    def attribute(self, field: int, name: str, value: Any) -> bytes:
        return data(field, number(1, self.string(name)) + number(2, self.ref(value)))

    def payload(self, value: Any) -> bytes:
        attributes = getattr(value, "__dict__", None)
        extra = number(40, self.ref(attributes)) if isinstance(attributes, dict) else b""
        return self.builtin(value) + extra

    def builtin(self, value: Any) -> bytes:
        singletons = {None: 1, Ellipsis: 2, NotImplemented: 3}
        if value is None or value is Ellipsis or value is NotImplemented:
            return number(4, singletons[value])
        if isinstance(value, bool):
            return number(5, value)
        if isinstance(value, int):
            if -(1 << 63) <= value < 1 << 63:
                return number(6, zigzag(value))
            return data(7, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
        if isinstance(value, float):
            return double(8, value)
        if isinstance(value, complex):
            return data(9, double(1, value.real) + double(2, value.imag))
        if isinstance(value, str):
            return data(10, text(value))
        if isinstance(value, (bytes, bytearray)):
            return data(11, bytes(value))
        for kind, cls in enumerate((tuple, list, set, frozenset), 1):
            if isinstance(value, cls):
                return self.sequence(kind, value)
        if isinstance(value, collections.deque):
            limit = b"" if value.maxlen is None else self.attribute(41, "maxlen", value.maxlen)
            return self.sequence(5, value) + limit
        if isinstance(value, collections.defaultdict):
            return self.mapping(value) + self.attribute(41, "default_factory", value.default_factory)
        if isinstance(value, dict):
            return self.mapping(value)
        for cls, names in PARTS.items():
            if isinstance(value, cls):
                return data(26, b"".join(self.attribute(1, name, get(value)) for name, get in names.items()))
        if isinstance(value, (slice, range)):
            parts = number(2, self.ref(value.start)) + number(3, self.ref(value.stop)) + number(4, self.ref(value.step))
            return data(14, number(1, isinstance(value, range)) + parts)
        if isinstance(value, type):
            return data(15, self.type(value))
        if isinstance(value, types.FunctionType):
            return data(16, number(1, self.ref(value.__code__)) + number(4, self.ref(value.__qualname__)))
        if isinstance(value, types.MethodType):
            return data(17, number(1, self.ref(value.__func__)) + number(2, self.ref(value.__self__)))
        if isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            owner = getattr(value, "__self__", None)
            return data(
                18, number(1, self.string(value.__name__)) + number(2, self.ref(owner) if owner is not None else 0)
            )
        if isinstance(value, (types.WrapperDescriptorType, types.MethodDescriptorType, types.GetSetDescriptorType)):
            return data(18, number(1, self.string(value.__name__)) + number(4, self.ref(value.__objclass__)))
        if isinstance(value, types.ModuleType):
            origin = getattr(value, "__file__", None)
            return data(
                20,
                number(1, self.ref(value.__name__)) + number(2, self.ref(value.__dict__)) + number(3, self.ref(origin)),
            )
        if isinstance(value, types.CodeType):
            return data(21, self.code(value))
        if isinstance(value, BaseException):
            return data(22, self.exception(value))
        if isinstance(value, types.TracebackType):
            parts = number(3, zigzag(value.tb_lasti)) + number(4, value.tb_lineno)
            after = number(1, self.ref(value.tb_next)) if value.tb_next else b""
            return data(23, after + number(2, self.ref(value.tb_frame)) + parts)
        if isinstance(value, types.FrameType):
            return data(24, self.frame(value))
        return b""

    def type(self, cls: type) -> bytes:
        module = cls.__module__
        return (
            number(1, self.string(cls.__name__))
            + number(2, self.string(cls.__qualname__))
            + number(3, self.string(module) if isinstance(module, str) else 0)
            + packed(5, [self.ref(base) for base in cls.__mro__])
            + number(6, cls.__flags__)
            + number(10, cls.__flags__ & HEAPTYPE != 0)
        )

    def code(self, code: types.CodeType) -> bytes:
        qualname: str = getattr(code, "co_qualname", code.co_name)
        return (
            number(1, self.string(code.co_name))
            + number(2, self.string(qualname))
            + number(3, self.string(code.co_filename))
            + number(4, code.co_firstlineno)
        )

    def exception(self, value: BaseException) -> bytes:
        out = number(1, self.ref(value.args)) + number(5, value.__suppress_context__)
        for field, part in ((2, value.__traceback__), (3, value.__context__), (4, value.__cause__)):
            out += number(field, self.ref(part)) if part is not None else b""
        if hasattr(value, "__notes__"):
            out += number(6, self.ref(value.__notes__))
        if hasattr(value, "exceptions") and hasattr(value, "message"):
            out += number(7, self.ref(value.message)) + number(8, self.ref(value.exceptions))
        fields = ("errno", "strerror", "filename", "filename2", "msg", "name", "path", "lineno", "offset", "text")
        for name in fields:
            if isinstance(value, (OSError, ImportError, SyntaxError)) and hasattr(value, name):
                out += data(9, number(1, self.string(name)) + number(2, self.ref(getattr(value, name))))
        return out

    def frame(self, frame: types.FrameType, values: Optional[Dict[str, Any]] = None) -> bytes:
        out = number(1, id(frame)) + number(2, self.ref(frame.f_code)) + number(7, zigzag(frame.f_lasti))
        out += number(8, frame.f_lineno or 0)
        module = {"__name__": frame.f_globals.get("__name__")}
        self.queue.append(module)  # kept alive by the queue
        out += number(4, len(self.queue))
        locals_ = {} if frame.f_locals is frame.f_globals else frame.f_locals
        for name, value in (locals_ if values is None else values).items():
            out += data(12, number(1, self.string(name)) + number(2, self.ref(value)))
        return out


def snapshot(
    encoder: Encoder,
    records: Iterable[bytes] = (),
    sources: Iterable[str] = (),
    version: str = "%d.%d.%d" % sys.version_info[:3],
    complete: bool = True,
) -> bytes:
    """A whole file; `records` are those of threads, exceptions and problems, encoded."""
    records = list(records)
    encoder.finish()
    minor = int(version.split(".")[1])
    python = number(1, 3) + number(2, minor) + data(6, version.encode())
    process = number(1, 4711) + data(2, b"python3") + data(2, b"app.py") + data(4, b"/srv") + data(6, python)
    header = number(1, 1) + data(3, number(1, 1)) + data(4, process) + number(5, 1700000000123456789)
    table = b"".join(data(1, text(value)) for value in encoder.strings)
    batch = b"".join(data(1, value) for value in encoder.objects)
    out = data(1, data(1, header)) + data(1, data(2, table)) + data(1, data(3, batch))
    for name in sources:
        with open(name, "rb") as file:
            out += data(1, data(7, data(1, text(name)) + data(2, file.read())))
    out += b"".join(data(1, record) for record in records)
    trailer = number(1, complete) + number(2, 1500000) + number(3, 9000000) + number(4, len(encoder.objects))
    return out + data(1, data(8, trailer))


def thread(encoder: Encoder, frames: Iterable[bytes], native_id: int = 4711, name: str = "MainThread") -> bytes:
    """The record of a thread; `frames` are innermost first."""
    content = number(1, native_id) + number(3, encoder.string(name)) + number(4, 1) + number(5, 1) + number(10, 1)
    return data(4, content + b"".join(data(7, frame) for frame in frames))


def crash(encoder: Encoder, exception: BaseException, native_id: int = 4711) -> bytes:
    return data(5, number(1, encoder.ref(exception)) + number(2, native_id))
