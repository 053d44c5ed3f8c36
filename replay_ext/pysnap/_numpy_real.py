"""Arrays and scalars as numpy's own, for whoever says that numpy may be imported.

What is captured is described in _numpy.py. Only an instance of just the type `numpy.ndarray` becomes a real one; what
cannot is described.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Tuple

from pysnap._numpy import UNITS, Array, DType
from pysnap._parts import Parts, data, number, sizes

_WRITEABLE = 0x0400  # NPY_ARRAY_WRITEABLE


class RealArrays:
    """Of one load: it ends with `finish()`, by when the objects that arrays hold exist."""

    def __init__(self) -> None:
        import numpy  # type: ignore[import-not-found,unused-ignore]

        self._numpy = numpy
        # By the id of an array: what its items lie in (a buffer, or an array of objects), and where the first one is.
        self._memory: Dict[int, Tuple[Any, int]] = {}
        self._unfilled: List[Tuple[Any, List[Any]]] = []

    def builders(self) -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
        """By the module and the name of the type."""
        numpy = self._numpy
        scalars = {
            name: self._scalar_of(cls)
            for name, cls in vars(numpy).items()
            if isinstance(cls, type) and issubclass(cls, numpy.generic) and cls is not numpy.void
        }
        # As they were called before 2.0, and as they are called since.
        plain = {name: self._plain_of(getattr(numpy, name)) for name in ("float64", "complex128", "str_", "bytes_")}
        for cls, names in (
            (numpy.bool_, ("bool_", "bool")),
            (numpy.longdouble, ("float128", "longdouble")),
            (numpy.clongdouble, ("complex256", "clongdouble")),
        ):
            scalars.update(dict.fromkeys(names, self._scalar_of(cls)))
        scalars.update(plain)
        return {("numpy", "ndarray"): self._array, **{("numpy", name): make for name, make in scalars.items()}}

    def stand_ins(self) -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
        """In place of those of the same names in numpy_stand_ins()."""
        return {("numpy", "ndarray"): self._described}

    def finish(self) -> None:
        for array, items in self._unfilled:
            for index, item in enumerate(items):
                array[index] = item

    def _array(self, parts: Parts) -> Any:
        numpy = self._numpy
        described = parts["dtype"]
        if type(described) is not DType:
            raise ValueError("no dtype")
        dtype = numpy.dtype(described.descr)
        shape, strides = sizes(parts, "shape"), sizes(parts, "strides")
        base, offset = parts.get("base"), number(parts, "offset")
        if 0 in shape:
            return numpy.empty(shape, dtype)
        if "data" in parts or "items" in parts or id(base) not in self._memory:
            memory, first = self._own_memory(parts, dtype, described), offset
        else:
            memory, start = self._memory[id(base)]
            first = start + offset
        if isinstance(memory, numpy.ndarray):
            made = self._view_of_objects(memory, first, dtype, shape, strides)
        else:
            made = numpy.ndarray(shape, dtype, memory, first, strides)
        if not number(parts, "flags") & _WRITEABLE:
            made.flags.writeable = False
        self._memory[id(made)] = memory, first
        return made

    def _described(self, parts: Parts) -> Array:
        """Of a type derived from numpy.ndarray, which may be a view of a real one."""
        memory, start = self._memory.get(id(parts.get("base")), (None, 0))
        if isinstance(memory, bytearray) and "data" not in parts:
            parts = {**parts, "data": memory, "offset": start + number(parts, "offset")}
        return Array(parts)

    def _own_memory(self, parts: Parts, dtype: Any, described: DType) -> Any:
        """A buffer, or where objects are in it an array of as many items in a row."""
        if not dtype.hasobject:
            return bytearray(data(parts, "data"))
        items = parts.get("items", [])
        if described.kind == "O":
            objects = self._numpy.empty(len(items), object)
            self._unfilled.append((objects, items))
            return objects
        # A structured array is filled with what the description gives for each item; not before they are all there.
        flat = Array({**parts, "offset": 0, "shape": struct.pack("q", len(data(parts, "data")) // dtype.itemsize),
                      "strides": struct.pack("q", dtype.itemsize)})  # fmt: skip
        records = self._numpy.empty(len(flat), dtype)
        self._unfilled.append((records, _Later(flat)))  # type: ignore[arg-type]
        return records

    def _view_of_objects(
        self, memory: Any, first: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]
    ) -> Any:
        index, rest = divmod(first, memory.itemsize)
        if rest or dtype != memory.dtype:
            raise ValueError("a field of items with objects")
        return self._numpy.lib.stride_tricks.as_strided(memory[index:], shape, strides, subok=False)

    def _plain_of(self, cls: Any) -> Callable[[Parts], Any]:
        """Of a type derived from one of Python's own, as whose it is captured."""

        def make(parts: Parts) -> Any:
            if type(parts["value"]) not in (float, complex, str, bytes):
                raise ValueError("no value of Python's")
            return cls(parts["value"])

        return make

    def _scalar_of(self, cls: type) -> Callable[[Parts], Any]:
        def make(parts: Parts) -> Any:
            dtype: Any = cls
            if "unit" in parts and number(parts, "unit") < len(UNITS):
                dtype = f"{data(parts, 'kind').decode()}8[{number(parts, 'step')}{UNITS[number(parts, 'unit')]}]"
            return self._numpy.frombuffer(data(parts, "value"), dtype)[0]

        return make


class _Later:
    """The items of an array when they are asked for."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __iter__(self) -> Any:
        return iter(self._array.tolist())
