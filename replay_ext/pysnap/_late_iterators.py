"""Iterators that are not made before somebody goes on with them, when what they go through is whole."""

from __future__ import annotations

import collections
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from pysnap._parts import number

Parts = Dict[str, Any]


class LateIterator:
    """Stands where the program had an iterator of the type `name`; `_make` gives it as it was."""

    __slots__ = ("_iterator", "_make", "_name")

    def __init__(self, name: str, make: Callable[[], Iterator[Any]]) -> None:
        self._name = name
        self._make = make
        self._iterator: Optional[Iterator[Any]] = None

    def __iter__(self) -> LateIterator:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self._make()
        return next(self._iterator)

    def __repr__(self) -> str:
        return f"<{self._name} object at {id(self):#x}>"


class GoingOn:
    """An iterator of a class of the program: its `__next__` is asked for no sooner than something goes on to it."""

    __slots__ = ("_iterator",)

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> GoingOn:
        return self

    def __next__(self) -> Any:
        return next(self._iterator)


def iterator_stand_ins() -> Dict[Tuple[str, str], Callable[[Parts], LateIterator]]:
    """By the module and the name of the type, which differ between versions."""
    table: Dict[Tuple[str, str], Callable[[Parts], LateIterator]] = {("builtins", "odict_iterator"): _of_ordered_dict}
    for module in "_collections", "collections":
        table[module, "_deque_iterator"] = _of_deque(iter)
        table[module, "_deque_reverse_iterator"] = _of_deque(reversed)
    return table


def _of_deque(direction: Callable[[Any], Iterator[Any]]) -> Callable[[Parts], LateIterator]:
    cls: Any = type(direction(collections.deque()))

    def build(parts: Parts) -> LateIterator:
        deque, remaining, changed = parts["deque"], number(parts, "remaining"), "changed" in parts
        if not isinstance(deque, collections.deque):
            raise ValueError("of something else than a deque")

        def make() -> Iterator[Any]:
            if changed and remaining:
                raise RuntimeError("deque mutated during iteration")
            made: Iterator[Any] = cls(deque, len(deque) - remaining)
            return made

        return LateIterator(f"_collections.{cls.__name__}", make)

    return build


def _of_ordered_dict(parts: Parts) -> LateIterator:
    kind, missing = number(parts, "kind"), object()
    mapping: Any = parts.get("mapping")
    current: Any = parts.get("current", missing)
    # At its end it lets go of what it went through.
    if current is not missing and not isinstance(mapping, collections.OrderedDict):
        raise ValueError("of something else than an OrderedDict")

    def make() -> Iterator[Any]:
        if current is missing:
            return
        keys = list(mapping)
        if kind & 1:
            keys.reverse()
        at = next((place for place, key in enumerate(keys) if key is current), None)
        if at is None:
            raise RuntimeError("OrderedDict mutated during iteration")
        for key in keys[at:]:
            yield (key, mapping[key]) if kind & 6 == 6 else mapping[key] if kind & 4 else key

    return LateIterator("odict_iterator", make)
