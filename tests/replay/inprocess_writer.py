"""Writes a snapshot of its own process, from inside: what the replay tests need before, and apart from, capturing.

Runs in the interpreters under test (3.8+), with the standard library only. It uses Python's own view of frames and
objects, so it calls properties and the like: a test program must be harmless. Encodes the schema by hand.
"""

from __future__ import annotations

import contextlib
import importlib.util
import struct
import sys
import types
from typing import Any, Dict, Iterable, List, Optional, Tuple


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


class Message:
    """A message under construction: fields are appended in the order of the calls."""

    def __init__(self) -> None:
        self.data = bytearray()

    def uint(self, number: int, value: int) -> Message:
        if value:
            self.data += varint(number << 3) + varint(int(value))
        return self

    def present(self, number: int, value: int) -> Message:
        self.data += varint(number << 3) + varint(int(value))
        return self

    def sint(self, number: int, value: int) -> Message:
        self.data += varint(number << 3) + varint(zigzag(value))
        return self

    def double(self, number: int, value: float) -> Message:
        self.data += varint(number << 3 | 1) + struct.pack("<d", value)
        return self

    def bytes(self, number: int, value: bytes) -> Message:
        self.data += varint(number << 3 | 2) + varint(len(value)) + value
        return self

    def message(self, number: int, value: Message) -> Message:
        return self.bytes(number, bytes(value.data))

    def packed(self, number: int, values: Iterable[int]) -> Message:
        data = b"".join(varint(value) for value in values)
        return self.bytes(number, data) if data else self


def text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


class Writer:
    """Collects objects breadth-first from the frames it is given."""

    def __init__(self) -> None:
        self.strings: Dict[str, int] = {}
        self.ids: Dict[int, int] = {}
        self.queue: List[Any] = []
        self.objects: List[Message] = []
        self.cells: Dict[Tuple[int, str], Any] = {}
        self.sources: Dict[str, bytes] = {}
        self.alive: List[Any] = []

    def string(self, value: str) -> int:
        return self.strings.setdefault(value, len(self.strings) + 1)

    def ref(self, value: Any) -> int:
        known = self.ids.get(id(value))
        if known is None:
            self.queue.append(value)
            known = self.ids[id(value)] = len(self.queue)
        return known

    def keep(self, value: Any) -> Any:
        self.alive.append(value)  # ids are addresses: it must not be freed
        return value

    def crawl(self) -> None:
        done = len(self.objects)
        while done < len(self.queue):
            value = self.queue[done]
            done += 1
            self.objects.append(self.encode(value))

    # ------------------------------------------------------------ objects

    def encode(self, value: Any) -> Message:
        out = Message().uint(1, id(value)).uint(2, self.ref(type(value)))
        cls = type(value)
        if value is None:
            out.present(4, 1)
        elif value is ...:
            out.present(4, 2)
        elif value is NotImplemented:
            out.present(4, 3)
        elif cls is bool:
            out.present(5, value)
        elif isinstance(value, int):
            if -(2**63) <= value < 2**63:
                out.sint(6, value)
            else:
                out.bytes(7, int.to_bytes(value, value.bit_length() // 8 + 1, "little", signed=True))
        elif isinstance(value, float):
            out.double(8, float(value))
        elif isinstance(value, complex):
            out.message(9, Message().double(1, value.real).double(2, value.imag))
        elif isinstance(value, str):
            out.bytes(10, text(str.__str__(value)))
        elif isinstance(value, (bytes, bytearray)):
            out.bytes(11, bytes(value))
        elif isinstance(value, (tuple, list, set, frozenset)):
            kinds = ((tuple, 1), (list, 2), (set, 3), (frozenset, 4))
            kind = next(number for base, number in kinds if isinstance(value, base))
            base = next(base for base, number in kinds if number == kind)
            out.message(12, Message().uint(1, kind).packed(2, [self.ref(item) for item in base.__iter__(value)]))
        elif isinstance(value, dict):
            items = list(dict.items(value))
            mapping = Message().packed(1, [self.ref(key) for key, _ in items])
            out.message(13, mapping.packed(2, [self.ref(item) for _, item in items]))
        elif isinstance(value, (slice, range)):
            parts = (value.start, value.stop, value.step)
            part = Message().uint(1, isinstance(value, range))
            for number, each in enumerate(parts, 2):
                part.uint(number, self.ref(each))
            out.message(14, part)
        elif isinstance(value, type):
            out.message(15, self.type(value))
        elif isinstance(value, types.FunctionType):
            out.message(16, self.function(value))
        elif isinstance(value, types.MethodType):
            out.message(17, Message().uint(1, self.ref(value.__func__)).uint(2, self.ref(value.__self__)))
        elif isinstance(value, types.CellType):
            cell = Message()
            with contextlib.suppress(ValueError):
                cell.uint(1, self.ref(value.cell_contents))
            out.message(19, cell)
        elif isinstance(value, types.ModuleType):
            small = {k: v for k, v in vars(value).items() if k in ("__name__", "__file__")}
            namespace = vars(value) if value.__name__ == "__main__" else self.keep(small)
            out.message(20, Message().uint(1, self.ref(value.__name__)).uint(2, self.ref(namespace)))
        elif isinstance(value, types.CodeType):
            out.message(21, self.code(value))
        elif isinstance(value, BaseException):
            self.exception(out, value)
        elif isinstance(value, types.TracebackType):
            part = Message().uint(1, self.ref(value.tb_next) if value.tb_next else 0).uint(2, self.ref(value.tb_frame))
            out.message(23, part.sint(3, value.tb_lasti).uint(4, value.tb_lineno))
        elif isinstance(value, types.FrameType):
            out.message(24, self.frame(value))
        elif isinstance(value, types.BuiltinFunctionType):
            out.message(18, Message().uint(1, self.string(value.__name__)).uint(2, self.ref(value.__self__)))
        elif not getattr(cls, "__flags__", 0) & (1 << 9):  # not a heap type
            out.message(3, Message().uint(1, 3))
        if not isinstance(value, (type, types.ModuleType, types.FunctionType)):
            if isinstance(getattr(value, "__dict__", None), dict):
                out.uint(40, self.ref(value.__dict__))
            for name in slots(cls):
                try:
                    item = object.__getattribute__(value, name)
                except AttributeError:
                    continue
                out.message(41, Message().uint(1, self.string(name)).uint(2, self.ref(item)))
        return out

    def type(self, value: type) -> Message:
        heap = bool(value.__flags__ & (1 << 9))
        out = Message().uint(1, self.string(value.__name__)).uint(2, self.string(value.__qualname__))
        out.uint(3, self.string(str(value.__module__))).packed(4, [self.ref(base) for base in value.__bases__])
        out.present(6, value.__flags__).present(9, value.__dictoffset__).uint(10, heap)
        if value.__module__ == "__main__":
            out.uint(11, self.ref(self.keep(dict(vars(value)))))
        return out.packed(12, [self.string(name) for name in own_slots(value)])

    def function(self, value: types.FunctionType) -> Message:
        out = Message()
        fields = (
            value.__code__,
            value.__globals__,
            value.__name__,
            value.__qualname__,
            value.__defaults__,
            value.__kwdefaults__,
            value.__closure__,
            value.__doc__,
            value.__module__,
        )
        for number, field in enumerate(fields, 1):
            if field is not None:
                out.uint(number, self.ref(field))
        return out

    def exception(self, out: Message, value: BaseException) -> None:
        part = Message().uint(1, self.ref(value.args))
        links = (value.__traceback__, value.__context__, value.__cause__)
        for number, link in enumerate(links, 2):
            if link is not None:
                part.uint(number, self.ref(link))
        part.uint(5, value.__suppress_context__)
        if isinstance(value, OSError):
            for name in ("errno", "strerror", "filename"):
                part.message(9, Message().uint(1, self.string(name)).uint(2, self.ref(getattr(value, name))))
        if hasattr(value, "exceptions") and isinstance(value.exceptions, tuple):
            group: Any = value
            part.uint(7, self.ref(group.message)).uint(8, self.ref(group.exceptions))
        out.message(22, part)

    # ------------------------------------------------------------ code and frames

    def code(self, value: types.CodeType) -> Message:
        if value.co_filename not in self.sources:
            try:
                with open(value.co_filename, "rb") as file:
                    self.sources[value.co_filename] = file.read()
            except OSError:
                pass
        variables, kinds = code_variables(value)
        out = Message().uint(1, self.string(value.co_name))
        out.uint(2, self.string(getattr(value, "co_qualname", value.co_name)))
        out.uint(3, self.string(value.co_filename)).uint(4, value.co_firstlineno).uint(5, value.co_argcount)
        out.uint(6, value.co_posonlyargcount).uint(7, value.co_kwonlyargcount).uint(8, value.co_stacksize)
        out.uint(9, value.co_flags).bytes(10, value.co_code)
        out.packed(11, [self.ref(constant) for constant in value.co_consts])
        out.packed(12, [self.string(name) for name in value.co_names])
        out.packed(13, [self.string(name) for name in variables]).bytes(14, bytes(kinds))
        table = value.co_linetable if sys.version_info >= (3, 10) else value.co_lnotab
        out.bytes(15, table).bytes(16, getattr(value, "co_exceptiontable", b""))
        return out.uint(17, value.co_nlocals).uint(19, len(value.co_cellvars))

    def frame(self, value: types.FrameType) -> Message:
        code = value.f_code
        out = Message().uint(1, id(value)).uint(2, self.ref(code)).uint(4, self.ref(value.f_globals))
        optimized = code.co_flags & 1
        found = dict(value.f_locals)
        if not optimized:
            namespace = value.f_globals if code.co_name == "<module>" else self.keep(found)
            out.uint(6, self.ref(namespace))
        out.sint(7, value.f_lasti).uint(8, value.f_lineno)
        variables, kinds = code_variables(code)
        for slot, (name, kind) in enumerate(zip(variables, kinds)):
            if kind & 0x20 and name in code.co_cellvars and sys.version_info < (3, 11):
                continue  # the cell's slot has it
            hidden = not optimized and kind & 0x20
            if name not in found or (hidden and (kind & 0xC0)):
                continue
            local = Message().uint(1, self.string(name))
            if kind & 0xC0:
                cell = self.cells.setdefault((id(value), name), types.CellType(found[name]))
                local.uint(2, self.ref(found[name])).uint(3, slot).uint(4, 3 if kind & 0x80 else 2)
                local.uint(5, self.ref(cell))
            else:
                local.uint(2, self.ref(found[name])).uint(3, slot).uint(4, 4 if hidden else 0)
            out.message(12, local)
        if value.f_back is not None:
            out.uint(17, self.ref(value.f_back))
        return out.uint(16, self.ref(value))


def own_slots(cls: type) -> List[str]:
    return [name for name, item in vars(cls).items() if isinstance(item, types.MemberDescriptorType)]


def slots(cls: type) -> List[str]:
    return [name for each in cls.__mro__ if each.__flags__ & (1 << 9) for name in own_slots(each)]


def code_variables(code: types.CodeType) -> Tuple[List[str], List[int]]:
    """The fast variables and their kinds, as Code.variable and variable_kind have them."""
    if sys.version_info < (3, 11):
        names = [*code.co_varnames, *code.co_cellvars, *code.co_freevars]
        kinds = [0x20] * len(code.co_varnames) + [0x40] * len(code.co_cellvars) + [0x80] * len(code.co_freevars)
        return names, kinds
    names = [*code.co_varnames]
    kinds = [0x20 | (0x40 if name in code.co_cellvars else 0) for name in names]
    for name in code.co_cellvars:
        if name not in code.co_varnames:
            names.append(name)
            kinds.append(0x40)
    return names + list(code.co_freevars), kinds + [0x80] * len(code.co_freevars)


def frames_of(frame: Optional[types.FrameType]) -> List[types.FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def write(
    path: str,
    frame: Optional[types.FrameType] = None,
    exception: Optional[BaseException] = None,
    sources: bool = True,
) -> None:
    """Writes a snapshot of one thread at `frame` (outwards), or of an exception, or both."""
    writer = Writer()
    info = sys.version_info
    python = Message().uint(1, info[0]).uint(2, info[1]).uint(3, info[2]).bytes(4, info[3].encode())
    python.bytes(6, ("%d.%d.%d" % info[:3]).encode()).uint(7, hasattr(sys, "gettotalrefcount"))
    python.uint(9, int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little"))
    process = Message().uint(1, 4242)
    for argument in sys.argv:
        process.bytes(2, argument.encode())
    process.bytes(3, sys.executable.encode()).message(6, python)
    reason = Message().uint(1, 2 if exception is not None else 1)
    header = (
        Message().uint(1, 1).bytes(2, b"test").message(3, reason).message(4, process).uint(5, 1_700_000_000 * 10**9)
    )

    thread = Message().uint(1, 4242).uint(2, 1).uint(3, writer.string("MainThread")).uint(4, True).uint(10, True)
    for each in frames_of(frame):
        thread.message(7, writer.frame(each))
    crash = Message()
    if exception is not None:
        crash.uint(1, writer.ref(exception)).uint(2, 4242)
    writer.crawl()

    out = Message()

    def record(kind: int, message: Message) -> None:
        out.message(1, Message().message(kind, message))

    record(1, header)
    strings = Message()
    for value in writer.strings:
        strings.bytes(1, text(value))
    record(2, strings)
    for start in range(0, len(writer.objects), 1000):
        batch = Message()
        for each in writer.objects[start : start + 1000]:
            batch.message(1, each)
        record(3, batch)
    record(4, thread)
    if exception is not None:
        record(5, crash)
    if sources:
        for filename, content in writer.sources.items():
            record(7, Message().bytes(1, text(filename)).bytes(2, content))
    record(8, Message().uint(1, True).uint(2, 1000).uint(3, 2000).uint(4, len(writer.objects)))
    with open(path, "wb") as file:
        file.write(out.data)
