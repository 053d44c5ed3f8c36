"""Iterators of this interpreter in the place where the captured ones were.

They are made by the builtins alone: nothing of the snapshot is called, and an iterator that goes on to ask another one
is only made for one that is written in C as well.
"""

from __future__ import annotations

import itertools
import sys
import types
from typing import Any, Callable, Dict, Set, Tuple

from pysnap._parts import Parts, number

Builder = Callable[[type, Parts], Any]


_INDEXED = (list, tuple, str, bytes, bytearray)


class _Sequence:
    def __getitem__(self, index: int) -> Any:
        raise IndexError


def hidden_iterator_types() -> Dict[str, type]:
    """Those without a public name, by the captured one. A version that does not know a kind has a more general one."""
    found: Dict[str, type] = {
        "list_iterator": type(iter([])),
        "list_reverseiterator": type(reversed([])),
        "tuple_iterator": type(iter(())),
        "iterator": type(iter(_Sequence())),
        "str_iterator": type(iter("\u0100")),
        "str_ascii_iterator": type(iter("a")),
        "bytes_iterator": type(iter(b"")),
        "bytearray_iterator": type(iter(bytearray())),
        "range_iterator": type(iter(range(0))),
        "longrange_iterator": type(iter(range(1 << 80))),
        "set_iterator": type(iter(set())),
        "callable_iterator": type(iter(int, 1)),
    }
    for name, view in ("key", {}.keys()), ("value", {}.values()), ("item", {}.items()):
        found[f"dict_{name}iterator"] = type(iter(view))
        found[f"dict_reverse{name}iterator"] = type(reversed(view))
    return found


# What may be asked for an iterator of itself, or for its next element, without running anything but C.
_SAFE = frozenset(
    {
        *hidden_iterator_types().values(),
        enumerate,
        filter,
        *(cls for cls in vars(itertools).values() if isinstance(cls, type)),
        map,
        reversed,
        types.GeneratorType,
        zip,
    }
)


def safe(iterator: Any) -> Any:
    """The iterator, or ValueError where going on to it would call what a class of the program says."""
    if type(iterator) not in _SAFE:
        raise ValueError("it goes on to an iterator of a class of the program")
    return iterator


def _safe_all(iterators: Any) -> Tuple[Any, ...]:
    if type(iterators) is not tuple:
        raise ValueError("no tuple of iterators")
    return tuple(map(safe, iterators))


def exhausted(make: Callable[[], Any]) -> Any:
    """What `make` gives, at its end."""
    made = make()
    for _ in made:
        pass
    return made


def _indexed(sequence_type: type, make: Callable[[Any], Any]) -> Builder:
    def build(cls: type, parts: Parts) -> Any:
        if "sequence" not in parts:
            return exhausted(lambda: make(sequence_type()))
        if type(parts["sequence"]) is not sequence_type:
            raise ValueError("an iterator of something else")
        made = make(parts["sequence"])
        made.__setstate__(number(parts, "index"))
        return made

    return build


def _reversed(cls: type, parts: Parts) -> Any:
    if "sequence" not in parts:
        return exhausted(lambda: reversed(()))
    # A list has its own kind.
    if type(parts["sequence"]) not in (tuple, str, bytes, bytearray):
        raise ValueError("of a class of the program")
    made = reversed(parts["sequence"])
    made.__setstate__(number(parts, "index"))
    return made


def _range(cls: type, parts: Parts) -> Any:
    start, step, length = (number(parts, name) for name in ("start", "step", "length"))
    return iter(range(start, start + step * length, step))


def _long_range(cls: type, parts: Parts) -> Any:
    made = _range(cls, parts)
    if "index" in parts:
        made.__setstate__(number(parts, "index"))
    return made


def _dictionary(view: Callable[[Any], Any], direction: Callable[[Any], Any]) -> Builder:
    def build(cls: type, parts: Parts) -> Any:
        if "mapping" not in parts:
            return exhausted(lambda: direction(view({})))
        mapping = parts["mapping"]
        if not issubclass(type(mapping), dict):
            raise ValueError("no dict")
        size, remaining = dict.__len__(mapping), number(parts, "remaining")
        if size != number(parts, "size") or not 0 <= remaining <= size:
            raise ValueError("the dict has changed since")
        made = direction(view(mapping))
        for _ in range(size - remaining):
            next(made)
        return made

    return build


def _callable(cls: type, parts: Parts) -> Any:
    if "callable" not in parts:
        return exhausted(lambda: iter(int, 0))
    return iter(parts["callable"], parts["sentinel"])


def _enumerate(cls: type, parts: Parts) -> Any:
    return enumerate(safe(parts["iterator"]), number(parts, "index"))


def strict(parts: Parts, version: Tuple[int, int]) -> Dict[str, bool]:
    if "strict" not in parts:
        return {}
    if sys.version_info < version:
        raise ValueError("this version has no strict one")
    return {"strict": True}


def _zip(cls: type, parts: Parts) -> Any:
    return zip(*_safe_all(parts["iterators"]), **strict(parts, (3, 10)))


def _map(cls: type, parts: Parts) -> Any:
    return map(parts["function"], *_safe_all(parts["iterators"]), **strict(parts, (3, 14)))


def _filter(cls: type, parts: Parts) -> Any:
    return filter(parts["function"], safe(parts["iterator"]))


def _count(cls: type, parts: Parts) -> Any:
    start = parts["count"] if "count" in parts else parts["number"]
    if type(start) not in (int, float, complex) or type(parts["step"]) not in (int, float, complex):
        raise ValueError("it counts by what a class of the program says")
    return itertools.count(start, parts["step"])


def _repeat(cls: type, parts: Parts) -> Any:
    count = number(parts, "count")
    arguments = () if count < 0 else (count,)
    return itertools.repeat(parts["element"], *arguments)


def _chain(cls: type, parts: Parts) -> Any:
    if "source" not in parts:
        return itertools.chain()
    source = safe(parts["source"])
    if "active" not in parts:
        return itertools.chain.from_iterable(source)
    made: Any = itertools.chain()
    if not hasattr(made, "__setstate__"):  # 3.14 on
        raise ValueError("this version cannot make one that has begun")
    made.__setstate__((source, safe(parts["active"])))
    return made


def _islice(cls: type, parts: Parts) -> Any:
    if "iterator" not in parts:
        return itertools.islice((), 0)
    iterator = safe(parts["iterator"])
    following, end, step, passed = (number(parts, name) for name in ("next", "stop", "step", "passed"))
    stop = None if end < 0 else max(end - passed, 0)
    start = max(following - passed, 0)
    if stop is not None and start > stop:
        return itertools.islice((), 0)
    return itertools.islice(iterator, start, stop, step)


def _star_map(cls: type, parts: Parts) -> Any:
    return itertools.starmap(parts["function"], safe(parts["iterator"]))


def keeping_iterators() -> Set[type]:
    """Of what they go through, only the length matters when they are made."""
    return {
        *(type(iter(kind())) for kind in _INDEXED),
        type(reversed([])),
        type(iter("\u0100")),
        reversed,
        itertools.repeat,
    }


def iterator_builders() -> Dict[type, Builder]:
    hidden = hidden_iterator_types()
    table: Dict[type, Builder] = {
        hidden["list_iterator"]: _indexed(list, iter),
        hidden["list_reverseiterator"]: _indexed(list, reversed),
        hidden["tuple_iterator"]: _indexed(tuple, iter),
        hidden["str_iterator"]: _indexed(str, iter),
        hidden["str_ascii_iterator"]: _indexed(str, iter),
        hidden["bytes_iterator"]: _indexed(bytes, iter),
        hidden["bytearray_iterator"]: _indexed(bytearray, iter),
        hidden["range_iterator"]: _range,
        hidden["longrange_iterator"]: _long_range,
        hidden["callable_iterator"]: _callable,
        reversed: _reversed,
        enumerate: _enumerate,
        zip: _zip,
        map: _map,
        filter: _filter,
        itertools.count: _count,
        itertools.repeat: _repeat,
        itertools.chain: _chain,
        itertools.islice: _islice,
        itertools.starmap: _star_map,
    }
    for name, view in ("key", dict.keys), ("value", dict.values), ("item", dict.items):
        table[hidden[f"dict_{name}iterator"]] = _dictionary(view, iter)
        table[hidden[f"dict_reverse{name}iterator"]] = _dictionary(view, reversed)
    return table
