"""Iterators that go on to those of classes of the program (enumerate, zip, itertools …), where its code may run."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from ._combinatorics import combinatoric_builders
from ._iterators import is_safe, iterator_builders
from ._late_iterators import GoingOn

Parts = Dict[str, Any]
Builder = Callable[[type, Parts], Any]


def going_builders() -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
    """By the module and the name of the type that is to be made."""

    def going(build: Builder, cls: type) -> Callable[[Parts], Any]:
        return lambda parts: build(cls, {name: _going_on(name, part) for name, part in parts.items()})

    builders: Dict[type, Builder] = {**iterator_builders(), **combinatoric_builders()}
    return {(cls.__module__, cls.__qualname__): going(build, cls) for cls, build in builders.items()}


def _going_on(name: str, part: Any) -> Any:
    if name == "iterators" and type(part) is tuple:
        return tuple(_going_on("iterator", one) for one in part)
    if name not in ("iterator", "source", "active", "selectors") or is_safe(part):
        return part
    return GoingOn(part)
