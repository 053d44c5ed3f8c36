"""What stands for torch's tensors, dtypes and devices: their contents without torch, or, if that is wanted, real ones.

The layout of what is captured is told by snapshotter/objects/decoders/torch_tensors.cc.
"""

from __future__ import annotations

import reprlib
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from pysnap._numpy import MAX_ITEMS_SHOWN, Array, DType, Memory
from pysnap._parts import Parts, data, number, sizes


class Named:
    """Stands for a dtype, a layout or a memory format: `name`."""

    __slots__ = ("name",)

    def __init__(self, parts: Parts) -> None:
        self.name = data(parts, "name").decode("ascii")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __eq__(self, other: object) -> bool:
        return type(other) is Named and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class Device:
    """Stands for a device: `type`, and `index` or None."""

    __slots__ = ("index", "type")

    def __init__(self, parts: Parts) -> None:
        self.type = data(parts, "type").decode("ascii")
        self.index: Optional[int] = number(parts, "index") if "index" in parts else None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __eq__(self, other: object) -> bool:
        return type(other) is Device and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


class Tensor:
    """Stands for a tensor: `dtype` and `device` (their names), `shape`, `ndim`, `stride()`, `storage_offset()`,
    `numel()`, and its items by index, slice, iteration, `item()` and `tolist()`. Tensors share their memory with those
    that they shared it with.

    `requires_grad` and `grad` are there where they could be read. numpy can take it as it is where it knows the dtype:
    `numpy.asarray(tensor)`.
    """

    __slots__ = ("__dict__", "_array", "_memory", "_recorded", "device", "dtype")

    def __init__(self, parts: Parts) -> None:
        self.dtype = data(parts, "dtype").decode("ascii")
        self.device = data(parts, "device").decode("ascii")
        shape, strides = sizes(parts, "shape"), sizes(parts, "strides")
        if len(shape) != len(strides) or any(size < 0 for size in shape):
            raise ValueError("no shape")
        self._memory = self._memory_in(parts)
        item = DType({"kind": parts["kind"], "byteorder": b"<", "num": 0, "itemsize": number(parts, "itemsize")})
        self._array = Array.over(Memory(self._memory, [], item), item, shape, strides, number(parts, "offset"))
        self._recorded = {name: parts[name] for name in ("requires_grad", "grad") if name in parts}

    @staticmethod
    def _memory_in(parts: Parts) -> bytes:
        base = parts.get("base")
        if "data" not in parts and type(base) is Tensor:
            return base._memory
        return data(parts, "data")

    def _part(self, array: Array) -> Tensor:
        made = Tensor.__new__(Tensor)
        made.dtype, made.device, made._memory, made._array = self.dtype, self.device, self._memory, array
        made._recorded = {}
        return made

    @property
    def requires_grad(self) -> bool:
        found = self._recorded.get("requires_grad")
        if type(found) is not int:
            raise AttributeError(f"whether it requires a gradient was not recorded{_why(found)}")
        return found == 1

    @property
    def grad(self) -> Any:
        if type(self._recorded.get("requires_grad")) is not int:
            raise AttributeError("whether it has a gradient was not recorded")
        return self._recorded.get("grad")

    @property
    def shape(self) -> Tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    def size(self, dim: Optional[int] = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        return self.ndim

    def numel(self) -> int:
        return self._array.size

    def stride(self, dim: Optional[int] = None) -> Any:
        strides = tuple(stride // self._array.itemsize for stride in self._array.strides)
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        return self._array.offset // self._array.itemsize

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        if self._array.dtype.kind == "V":
            raise AttributeError(f"numpy has no {self.dtype}")
        return self._array.__array_interface__

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Tensor:
        found = self._array[(*key, Ellipsis) if type(key) is tuple and Ellipsis not in key else key]
        if type(found) is not Array:
            found = self._array[(key, Ellipsis)]
        return self._part(found)

    def item(self) -> Any:
        if self.numel() != 1:
            raise ValueError("item() of a tensor that has not one item")
        found = self.tolist()
        while type(found) is list:
            found = found[0]
        return found

    def tolist(self) -> Any:
        found = self._array.tolist()
        return _widened(found) if self.dtype == "bfloat16" else found

    @reprlib.recursive_repr("<tensor ...>")
    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape)) + " " if self.shape else ""
        items = f" {self.tolist()!r}" if self.numel() <= MAX_ITEMS_SHOWN else ""
        device = "" if self.device == "cpu" else f" {self.device}"
        return f"<tensor {shape}{self.dtype}{device}{items}>"


def _why(absent: object) -> str:
    reason = getattr(absent, "reason", None)
    return "" if reason is None else f": {reason}"


def _widened(found: Any) -> Any:
    """Items of bfloat16, each the upper half of a float, in lists or not."""
    if type(found) is bytes:
        return struct.unpack("<f", b"\0\0" + found)[0]
    rows: List[Any] = [_widened(row) for row in found]
    return rows


def torch_stand_ins() -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
    """By the module and the name of the type."""
    named = {("torch", name): Named for name in ("dtype", "layout", "memory_format")}
    return {("torch", "Tensor"): Tensor, ("torch", "device"): Device, **named}
