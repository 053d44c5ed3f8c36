"""What stands for arrays, dtypes and scalars of numpy: their contents without numpy, or, if that is wanted, real ones.

The layout of what is captured is told by snapshotter/objects/decoders/numpy_arrays.cc and numpy_dtype.cc.
"""

from __future__ import annotations

import datetime
import fractions
import math
import reprlib
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple, Union

from pysnap._parts import Parts, data, number, sizes

# NPY_DATETIMEUNIT; 3 is not in use.
UNITS = ("Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_GENERIC_UNIT = 14
_FORMATS = {
    "b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d", "M8": "q", "m8": "q",
}  # fmt: skip
MAX_ITEMS_SHOWN = 1000
_MAX_NESTING = 32
_EPOCH, _LAST_DAY = datetime.date(1970, 1, 1).toordinal(), datetime.date.max.toordinal()


def _time_unit(parts: Parts) -> str:
    unit, step = number(parts, "unit"), number(parts, "step")
    if unit == _GENERIC_UNIT:
        return ""
    return f"[{'' if step == 1 else step}{UNITS[unit]}]"


Text = str  # which DType has a property of that name for


class DType:
    """Stands for a dtype: `kind`, `itemsize`, `byteorder`, `str`, `name`; `names` and `fields` of a structured one,
    `base` and `shape` where an item is an array.
    """

    __slots__ = ("base", "byteorder", "fields", "itemsize", "kind", "metadata", "names", "num", "shape", "unit")

    def __init__(self, parts: Parts) -> None:
        self.kind = data(parts, "kind").decode("ascii")
        self.byteorder = data(parts, "byteorder").decode("ascii")
        self.num = number(parts, "num")
        self.itemsize = number(parts, "itemsize")
        self.unit = _time_unit(parts) if "unit" in parts else ""
        self.names: Optional[Tuple[Text, ...]] = None
        self.fields: Optional[Dict[Text, Tuple[DType, int]]] = None
        self.base: DType = self
        self.shape: Tuple[int, ...] = ()
        self.metadata = parts.get("metadata")
        if "base" in parts:
            self.base = _exactly(DType, parts["base"])
            self.shape = _sizes_of(parts["shape"])
        if "offsets" in parts:
            items = parts.get("items", [])
            self.names = tuple(_exactly(Text, name) for name in items[::2])
            dtypes = (_exactly(DType, dtype) for dtype in items[1::2])
            self.fields = dict(zip(self.names, zip(dtypes, sizes(parts, "offsets"))))

    @property
    def str(self) -> Text:
        order = "|" if self.kind in "bSV" or (self.itemsize == 1 and self.kind in "iu") else self.byteorder
        size = self.itemsize // 4 if self.kind == "U" else self.itemsize
        return f"{'<' if order == '=' else order}{self.kind}{'' if self.kind == 'O' else size}{self.unit}"

    @property
    def name(self) -> Text:
        words = {
            "b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "O": "object", "S": "bytes", "U": "str",
            "V": "void", "M": "datetime64", "m": "timedelta64",
        }  # fmt: skip
        size = "" if self.kind in "bOMm" or not self.itemsize else str(self.itemsize * 8)
        return f"{words[self.kind]}{size}{self.unit}"

    @property
    def descr(self) -> Any:
        """What `numpy.dtype()` makes the same of."""
        if self.shape:
            return (self.base.descr, self.shape)
        if self.names is None or self.fields is None:
            return self.str
        fields = [self.fields[name] for name in self.names]
        return {
            "names": list(self.names),
            "formats": [field[0].descr for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": self.itemsize,
        }

    def describe(self) -> Text:
        """As `pysnap show` has it."""
        if self.shape:
            return f"({self.base.describe()}, ({', '.join(map(repr, self.shape))}))"
        if self.fields is not None:
            return f"[{', '.join(f'{name}: {field.describe()}' for name, (field, _) in self.fields.items())}]"
        if self.kind in "SUV":
            return f"{self.kind}{self.itemsize // (4 if self.kind == 'U' else 1)}"
        return f"{'>' if self.byteorder == '>' and self.itemsize > 1 else ''}{self.name}"

    def __repr__(self) -> Text:
        return f"<dtype {self.describe()}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is DType and self.descr == other.descr

    def __hash__(self) -> int:
        return hash(self.str)


def _exactly(cls: type, value: Any) -> Any:
    if type(value) is not cls:
        raise ValueError(f"no {cls.__name__}")
    return value


def _sizes_of(shape: Any) -> Tuple[int, ...]:
    return tuple(_exactly(int, size) for size in _exactly(tuple, shape))


def _row_major(dtype: DType) -> Tuple[int, ...]:
    """The strides of an item that is an array."""
    strides: List[int] = []
    step = dtype.base.itemsize
    for size in reversed(dtype.shape):
        strides.insert(0, step)
        step *= size
    return tuple(strides)


def object_offsets(dtype: DType) -> List[int]:
    """At which bytes of an item there are objects, in ascending order."""
    found: Set[int] = set()
    pending = [(dtype, 0, 0)]
    while pending:
        at, offset, depth = pending.pop()
        if depth > _MAX_NESTING or len(found) + len(pending) > 4096:
            raise ValueError("a dtype without end")
        if at.shape:
            count = at.itemsize // max(at.base.itemsize, 1)
            if count > 4096:
                raise ValueError("too many objects in an item")
            pending += [(at.base, offset + i * at.base.itemsize, depth + 1) for i in range(count)]
        elif at.fields is not None:
            pending += [(field, offset + where, depth + 1) for field, where in at.fields.values()]
        elif at.kind == "O":
            found.add(offset)
    return sorted(found)


class Memory:
    """What items lie in: bytes, and the objects that pointers in them are to, by the place of the pointer."""

    __slots__ = ("data", "objects", "offsets", "step")

    def __init__(self, contents: Union[bytes, bytearray], objects: List[Any], dtype: DType) -> None:
        self.objects = objects
        self.offsets = {offset: i for i, offset in enumerate(object_offsets(dtype))} if objects else {}
        self.step = dtype.itemsize
        if dtype.kind == "O" and not dtype.shape:
            contents = bytes(len(objects) * self.step)
        self.data = memoryview(contents)

    def object_at(self, at: int) -> Any:
        item, offset = divmod(at, self.step)
        return self.objects[item * len(self.offsets) + self.offsets[offset]]


def _item(memory: Memory, at: int, dtype: DType) -> Any:
    """The item at a byte offset, as `ndarray.item()` and `tolist()` give it. Bounds are those of the memory."""
    if dtype.shape:
        return Array.over(memory, dtype.base, dtype.shape, _row_major(dtype), at).tolist()
    if dtype.fields is not None and dtype.names is not None:
        return tuple(_item(memory, at + dtype.fields[name][1], dtype.fields[name][0]) for name in dtype.names)
    kind, size = dtype.kind, dtype.itemsize
    if kind == "O":
        return memory.object_at(at)
    if at < 0 or at + size > len(memory.data):
        raise IndexError("outside of what was captured")
    return value_of(bytes(memory.data[at : at + size]), kind, dtype.byteorder == ">", dtype.unit)


def value_of(raw: bytes, kind: str, swapped: bool, unit: str) -> Any:
    """A number, text or bytes; of what Python has nothing for (long double, times) a Value that tells it."""
    if kind == "S":
        return raw.rstrip(b"\0")
    if kind == "V":
        return raw
    if kind == "U":
        return raw.decode("utf-32-be" if swapped else "utf-32-le", "surrogatepass").rstrip("\0")
    order = ">" if swapped else "<"
    if kind == "c" and len(raw) in (8, 16):
        return complex(*struct.unpack(f"{order}2{'f' if len(raw) == 8 else 'd'}", raw))
    if kind == "f" and len(raw) == 16 and not swapped:
        return _long_double(raw)
    code = _FORMATS.get(f"{kind}{len(raw)}")
    if code is None:
        return Value(raw, kind, unit)
    plain = struct.unpack(order + code, raw)[0]
    return Value(raw, kind, unit, plain) if kind in "Mm" else plain


def _long_double(raw: bytes) -> Any:
    """The 80-bit format of x86; the rest is padding. A float where that holds the value."""
    mantissa, top = struct.unpack("<QH", raw[:10])
    sign, exponent = (-1 if top & 0x8000 else 1), top & 0x7FFF
    if exponent == 0x7FFF:
        return sign * math.inf if mantissa == 1 << 63 else math.nan
    exact = mantissa * fractions.Fraction(2) ** (max(exponent, 1) - 16383 - 63)
    value = float(exact) if exact < 2**1024 - 2**970 else math.inf
    return sign * value if value < math.inf and fractions.Fraction(value) == exact else Value(raw[:10], "f", "")


class Value:
    """Stands for a number that Python has no type for: `kind`, `raw` (its bytes), and of a time `count` and `unit`."""

    __slots__ = ("count", "kind", "raw", "unit")

    def __init__(self, raw: bytes, kind: str, unit: str, count: Optional[int] = None) -> None:
        self.raw, self.kind, self.unit, self.count = raw, kind, unit, count

    def __repr__(self) -> str:
        if self.count is None:
            return f"<{'complex' if self.kind == 'c' else 'float'}{8 * len(self.raw)} {self.raw.hex()}>"
        shown = "NaT" if self.count == -(2**63) else self.iso() if self.kind == "M" else self.count
        return f"<{'datetime64' if self.kind == 'M' else 'timedelta64'}{self.unit} {shown}>"

    def iso(self) -> str:
        """A moment as ISO 8601 has it, where its unit is of one day to one nanosecond and Python has the year."""
        per_day = {"[D]": 1, "[s]": 86400, "[ms]": 86400 * 10**3, "[us]": 86400 * 10**6, "[ns]": 86400 * 10**9}
        days, rest = divmod(self.count or 0, per_day.get(self.unit, 1))
        if self.unit not in per_day or not 1 <= days + _EPOCH <= _LAST_DAY:
            return str(self.count)
        day = datetime.date.fromordinal(days + _EPOCH).isoformat()
        if self.unit == "[D]":
            return day
        seconds, fraction = divmod(rest, per_day[self.unit] // 86400)
        digits = {"[s]": 0, "[ms]": 3, "[us]": 6, "[ns]": 9}[self.unit]
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{day}T{clock}" + (f".{fraction:0{digits}}" if digits else "")

    def __eq__(self, other: object) -> bool:
        return type(other) is Value and (self.kind, self.raw, self.unit) == (other.kind, other.raw, other.unit)

    def __hash__(self) -> int:
        return hash((self.kind, self.raw, self.unit))


class Array:
    """Stands for an array: `dtype`, `shape`, `strides`, `ndim`, `size`, `itemsize`, `nbytes`, `flags`, `base`, and its
    items by index, slice, iteration, `item()` and `tolist()`. Views share their memory with what they are views of.

    numpy can take it as it is where no objects are in it: `numpy.asarray(array)`.
    """

    __slots__ = ("__dict__", "_at", "_memory", "base", "dtype", "flags", "shape", "strides")

    def __init__(self, parts: Parts) -> None:
        dtype = _exactly(DType, parts["dtype"])
        shape, strides = sizes(parts, "shape"), sizes(parts, "strides")
        if len(shape) != len(strides) or any(size < 0 for size in shape):
            raise ValueError("no shape")
        base, offset = parts.get("base"), number(parts, "offset")
        contents = parts.get("data", b"")
        objects = parts.get("items", [])
        if "data" in parts or "items" in parts or type(base) is not Array:
            if type(contents) not in (bytes, bytearray):
                raise ValueError("no memory")
            self._memory = Memory(contents, _exactly(list, objects), dtype)
            self._at = offset
        else:
            self._memory, self._at = base._memory, base._at + offset
        self.base, self.dtype, self.shape, self.strides = base, dtype, shape, strides
        self.flags = number(parts, "flags")

    dtype: DType

    @classmethod
    def over(
        cls, memory: Memory, dtype: DType, shape: Tuple[int, ...], strides: Tuple[int, ...], at: int, base: Any = None
    ) -> Array:
        made = cls.__new__(cls)
        made._memory, made._at, made.dtype, made.shape, made.strides, made.base = (
            memory,
            at,
            dtype,
            shape,
            strides,
            base,
        )
        made.flags = 0
        return made

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def offset(self) -> int:
        """Where the first item is, in bytes from the beginning of the memory."""
        return self._at

    @property
    def data(self) -> memoryview:
        """The memory that the items lie in, from the first one on where all strides are positive."""
        return self._memory.data[self._at :]

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        if self._memory.objects:
            raise AttributeError("there are objects in it, which numpy takes from tolist() only")
        return {
            "version": 3,
            "shape": self.shape,
            "strides": self.strides,
            "typestr": self.dtype.str,
            "descr": _interface_descr(self.dtype),
            "data": self._memory.data,
            "offset": self._at,
        }

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of no dimensions has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        if type(key) is str:
            return self._field(key)
        keys = key if type(key) is tuple else (key,)
        if any(each is Ellipsis for each in keys):
            where = next(i for i, each in enumerate(keys) if each is Ellipsis)
            fill = self.ndim - (len(keys) - 1)
            keys = keys[:where] + (slice(None),) * fill + keys[where + 1 :]
        if len(keys) > self.ndim:
            raise IndexError(f"{len(keys)} indices for an array of {self.ndim} dimensions")
        at, shape, strides = self._at, [], []
        for index, size, stride in zip(keys, self.shape, self.strides):
            if isinstance(index, slice):
                start, stop, step = index.indices(size)
                shape.append(len(range(start, stop, step)))
                strides.append(stride * step)
                at += start * stride
            elif type(index) is int:
                if not -size <= index < size:
                    raise IndexError(f"{index} where there are {size}")
                at += (index % size) * stride
            else:
                raise TypeError("the snapshot's arrays take ints, slices and names of fields")
        shape += self.shape[len(keys) :]
        strides += self.strides[len(keys) :]
        if not shape and Ellipsis not in (key if type(key) is tuple else (key,)):
            return _item(self._memory, at, self.dtype)
        return Array.over(self._memory, self.dtype, tuple(shape), tuple(strides), at, self)

    def _field(self, name: str) -> Array:
        if self.dtype.fields is None or name not in self.dtype.fields:
            raise KeyError(name)
        dtype, offset = self.dtype.fields[name]
        shape, strides = self.shape, self.strides
        if dtype.shape:
            shape, strides, dtype = shape + dtype.shape, strides + _row_major(dtype), dtype.base
        return Array.over(self._memory, dtype, shape, strides, self._at + offset, self)

    def item(self, *index: int) -> Any:
        found = self[index] if index else (self.tolist() if not self.shape else None)
        if not index and self.shape:
            if self.size != 1:
                raise ValueError("item() of an array with more than one item wants its index")
            found = self[(0,) * self.ndim]
        return found

    def tolist(self) -> Any:
        if not self.shape:
            return _item(self._memory, self._at, self.dtype)
        if self.ndim == 1:
            first, stride = self._at, self.strides[0]
            return [_item(self._memory, first + i * stride, self.dtype) for i in range(self.shape[0])]
        return [row.tolist() for row in self]

    @reprlib.recursive_repr("<array ...>")
    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape)) + " " if self.shape else ""
        items = f" {self.tolist()!r}" if self.size <= MAX_ITEMS_SHOWN else ""
        return f"<array {shape}{self.dtype.describe()}{items}>"


def _interface_descr(dtype: DType) -> List[Any]:
    """`descr` of the array interface: a list of fields, gaps included."""
    if dtype.fields is None or dtype.names is None:
        return [("", dtype.str)]
    found: List[Any] = []
    at = 0
    for name in sorted(dtype.names, key=lambda each: dtype.fields[each][1]):  # type: ignore[index]
        field, offset = dtype.fields[name]
        if offset > at:
            found.append(("", f"|V{offset - at}"))
        kind = _interface_descr(field.base) if field.base.fields is not None else field.base.str
        found.append((name, kind, field.shape) if field.shape else (name, kind))
        at = offset + field.itemsize
    if dtype.itemsize > at:
        found.append(("", f"|V{dtype.itemsize - at}"))
    return found


class Scalar:
    """Stands for a scalar: `value` is what Python has for it, `kind` numpy's letter."""

    __slots__ = ("__dict__", "dtype", "kind", "value")

    def __init__(self, parts: Parts) -> None:
        self.dtype = parts.get("dtype")
        if "object" in parts:
            self.kind, self.value = "O", parts["object"]
            return
        self.kind = data(parts, "kind").decode("ascii")
        if self.kind == "V":
            dtype = _exactly(DType, self.dtype)
            memory = Memory(parts.get("data", b""), parts.get("items", []), dtype)
            self.value = _item(memory, 0, dtype)
        else:
            unit = _time_unit(parts) if "unit" in parts else ""
            self.value = value_of(data(parts, "value"), self.kind, False, unit)

    def item(self) -> Any:
        return self.value

    tolist = item

    def __repr__(self) -> str:
        return f"<numpy scalar {self.value!r}>"


def numpy_stand_ins() -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
    """By the module and the name of the type."""
    return {("numpy", "dtype"): DType, ("numpy", "ndarray"): Array, ("numpy", "generic"): Scalar}
