"""The iterators of itertools that keep more than where they stand, rebuilt by the constructors of this interpreter.

One that has given something already is brought to the same place by going through it from the beginning, as far as that
is not too far: nothing of the program is called by that.
"""

from __future__ import annotations

import itertools
import struct
import sys
from typing import Any, Callable, Dict, Iterator, Tuple

from pysnap._iterators import Builder, exhausted, safe, strict
from pysnap._parts import Parts, data, items, number, numbered

# How many steps a rebuilt one is taken at most.
_MAX_STEPS = 100_000


def _indices(parts: Parts) -> Tuple[int, ...]:
    packed = data(parts, "indices")
    return struct.unpack(f"{len(packed) // 8}q", packed)


def _walked(made: Iterator[Any], twin: Iterator[Tuple[int, ...]], indices: Tuple[int, ...]) -> Any:
    """`made` behind what it gives where `twin`, which goes through numbers alone, gives `indices`."""
    for step, at in enumerate(twin):
        if step > _MAX_STEPS:
            break
        next(made)
        if at == indices:
            return made
    raise ValueError("it is too far from its beginning")


def _cycle(cls: type, parts: Parts) -> Any:
    saved = parts["saved"]
    if type(saved) is not list:
        raise ValueError("what it goes through is no list")
    if "iterator" not in parts:
        index = number(parts, "index")
        return itertools.cycle(saved[index:] + saved[:index])
    made: Any = itertools.cycle(safe(parts["iterator"]))
    if saved:
        # From 3.14 on this cannot be said to one.
        made.__setstate__((saved, number(parts, "first_pass") if "first_pass" in parts else 0))
    return made


def _take_while(cls: type, parts: Parts) -> Any:
    iterator = safe(parts["iterator"])
    if "stopped" in parts:
        return exhausted(lambda: itertools.takewhile(bool, ()))
    return itertools.takewhile(parts["function"], iterator)


def _drop_while(cls: type, parts: Parts) -> Any:
    iterator = safe(parts["iterator"])
    # It has found the first one: the function is not asked any more.
    return itertools.dropwhile((lambda _: False) if "begun" in parts else parts["function"], iterator)


def _filter_false(cls: type, parts: Parts) -> Any:
    return itertools.filterfalse(parts["function"], safe(parts["iterator"]))


def _compress(cls: type, parts: Parts) -> Any:
    return itertools.compress(safe(parts["iterator"]), safe(parts["selectors"]))


def _accumulate(cls: type, parts: Parts) -> Any:
    iterator, function = safe(parts["iterator"]), parts.get("function")
    begun = "total" in parts
    if not begun and parts.get("initial") is None:
        return itertools.accumulate(iterator, function)
    made = itertools.accumulate(iterator, function, initial=parts["total"] if begun else parts["initial"])
    if begun:
        next(made)
    return made


def _product(cls: type, parts: Parts) -> Any:
    pools = [items(parts, name) for name in numbered(parts)]
    if "stopped" in parts:
        return exhausted(lambda: itertools.product((), ()))
    made = itertools.product(*pools)
    if "begun" not in parts:
        return made
    return _walked(made, itertools.product(*(range(len(pool)) for pool in pools)), _indices(parts))


def _choice(make: Callable[[Any, int], Iterator[Tuple[Any, ...]]]) -> Builder:
    def build(cls: type, parts: Parts) -> Any:
        pool, r, indices = items(parts, "pool"), number(parts, "r"), _indices(parts)
        # It is memory that a file may ask for.
        if r != len(indices):
            raise ValueError("of another length than what it gives")
        if "stopped" in parts:
            return exhausted(lambda: make((), 1))
        made = make(pool, r)
        return _walked(made, make(range(len(pool)), r), indices) if "begun" in parts else made

    return build


def _zip_longest(cls: type, parts: Parts) -> Any:
    return itertools.zip_longest(*map(safe, items(parts, "iterators")), fillvalue=parts.get("fillvalue"))


def _pairwise(cls: type, parts: Parts) -> Any:
    iterator = safe(parts["iterator"])
    return itertools.pairwise(itertools.chain((parts["last"],), iterator) if "last" in parts else iterator)


def _batched(cls: Any, parts: Parts) -> Any:
    return cls(safe(parts["iterator"]), number(parts, "size"), **strict(parts, (3, 13)))


def combinatoric_builders() -> Dict[type, Builder]:
    table: Dict[type, Builder] = {
        itertools.cycle: _cycle,
        itertools.takewhile: _take_while,
        itertools.dropwhile: _drop_while,
        itertools.filterfalse: _filter_false,
        itertools.compress: _compress,
        itertools.accumulate: _accumulate,
        itertools.product: _product,
        itertools.combinations: _choice(itertools.combinations),
        itertools.combinations_with_replacement: _choice(itertools.combinations_with_replacement),
        itertools.permutations: _choice(itertools.permutations),
        itertools.zip_longest: _zip_longest,
    }
    if sys.version_info >= (3, 10):
        table[itertools.pairwise] = _pairwise
    if sys.version_info >= (3, 12):
        batched: Any = itertools.batched  # type: ignore[attr-defined, unused-ignore]
        table[batched] = _batched
    return table
