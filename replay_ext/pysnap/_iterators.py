"""Iterators of this interpreter in the place where the captured ones were.

They are made by the builtins alone: nothing of the snapshot is called, and an iterator that goes on to ask another one
is only made for one that is written in C as well.
"""

from __future__ import annotations

import copy
import itertools
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from pysnap._late_iterators import GoingOn, LateIterator
from pysnap._parts import Parts, listed, number

Builder = Callable[[type, Parts], Any]


# Hashed and compared by what they are, without a look at others.
_SELF_CONTAINED = (bool, bytes, complex, float, int, str, type(None))
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
        GoingOn,
        LateIterator,
    }
)


def is_safe(iterator: Any) -> bool:
    """Whether going on to it calls nothing that a class of the program says."""
    return type(iterator) in _SAFE


def safe(iterator: Any) -> Any:
    """The iterator. ValueError for one that is not safe."""
    if not is_safe(iterator):
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
    # What it goes through at the moment comes first.
    return itertools.chain.from_iterable(itertools.chain((safe(parts["active"]),), source))


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


def _set(cls: type, parts: Parts) -> Any:
    if "set" not in parts:
        return exhausted(lambda: iter(set()))
    items = listed(parts)
    if len(items) != number(parts, "remaining"):
        raise ValueError("the set has changed since")
    if any(type(item) not in _SELF_CONTAINED for item in items):
        raise ValueError("elements that may not be there yet")
    left = set(items)
    if len(left) != len(items) or any(one is not other for one, other in zip(left, items)):
        raise ValueError("in another order")
    return iter(left)


class _TeeLink:
    """What stands for a `itertools._tee_dataobject`: elements that were read, in a chain of such."""

    def __init__(self, items: List[Any], following: Optional[_TeeLink], source: Any) -> None:
        self._items = items
        self._following = following
        self._source = source
        self._rest: Any = None  # of the last link: a tee of the source, which all that come so far share

    def walk(self, first: int) -> Iterator[Any]:
        at = self
        while at._following is not None and at._items:
            yield from itertools.islice(at._items, first, None)
            at, first = at._following, 0
        if at._rest is None:
            (at._rest,) = itertools.tee(at._source, 1)
        rest = copy.copy(at._rest)  # from where the source was on, whoever comes here first
        yield from itertools.islice(at._items, first, None)
        yield from rest


def _tee_link(cls: type, parts: Parts) -> Any:
    following = parts.get("next")
    if following is not None and type(following) is not _TeeLink:
        raise ValueError("a chain of something else")
    return _TeeLink(listed(parts), following, safe(parts["iterator"]) if "iterator" in parts else iter(()))


def _tee(cls: type, parts: Parts) -> Any:
    if type(parts["data"]) is not _TeeLink:
        raise ValueError("elements of something else")
    return itertools.tee(parts["data"].walk(number(parts, "index")), 1)[0]


def _group_by(cls: type, parts: Parts) -> Any:
    made: Any = itertools.groupby(safe(parts["iterator"]), parts.get("function"))
    if "current" in parts:
        if not hasattr(made, "__setstate__"):  # 3.14 on
            raise ValueError("this version cannot make one that has begun")
        made.__setstate__((parts["key"], parts["current"], parts["group"]))
    return made


def _group(cls: Any, parts: Parts) -> Any:
    parent = parts["parent"] if "in_turn" in parts else itertools.groupby(())
    if type(parent) is not itertools.groupby:
        raise ValueError("a group of something else")
    made = cls(parent, parts["group"])
    if "in_turn" not in parts:
        cls(parent, None)  # whose turn it is from here on
    return made


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
        itertools.groupby: _group_by,
        itertools._grouper: _group,  # type: ignore[attr-defined]
        itertools._tee: _tee,  # type: ignore[attr-defined]
        itertools._tee_dataobject: _tee_link,  # type: ignore[attr-defined]
        hidden["set_iterator"]: _set,
    }
    for name, view in ("key", dict.keys), ("value", dict.values), ("item", dict.items):
        table[hidden[f"dict_{name}iterator"]] = _dictionary(view, iter)
        table[hidden[f"dict_reverse{name}iterator"]] = _dictionary(view, reversed)
    return table
