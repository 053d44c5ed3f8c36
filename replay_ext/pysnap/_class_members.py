"""What was not recorded of classes.

Of a class that the program does not define itself a snapshot holds what captured code names, and what shows its
instances. The rest is said to be missing, or found in the class of the same name here: of classes on a fixed list
when the snapshot is loaded, all of it where the version is the same; of others when code may run, in a library that is
imported then.
"""

from __future__ import annotations

import enum
import functools
from typing import AbstractSet, Any, Callable, Dict, FrozenSet, List, Optional, Tuple

from ._environment import Environment
from ._running import AbsentValue

Counts = List[Tuple[type, int]]

#: Of these everything can be called without effects: they are Python code that looks at its own instances.
_HARMLESS: Dict[Tuple[str, str], type] = {
    (value.__module__, value.__qualname__): value
    for value in vars(enum).values()
    if isinstance(value, type) and value.__module__ == "enum"
}
# Its name up to 3.10, and from 3.11 on.
_HARMLESS["enum", "EnumMeta"] = _HARMLESS["enum", "EnumType"] = enum.EnumMeta
#: What of them is the same in 3.8 to 3.15: it tells what members and their classes hold under the same names.
_SAME_IN_EVERY_VERSION: Dict[type, FrozenSet[str]] = {
    enum.Enum: frozenset(["name", "value"]),
    enum.EnumMeta: frozenset(["__bool__", "__getitem__", "__iter__", "__len__", "__members__", "__reversed__"]),
}
#: What makes classes and instances, what keys are found by, and what shows them: that of the snapshot, or its stand-in.
_NOT_BORROWED = frozenset(
    [
        "__new__",
        "__init__",
        "__init_subclass__",
        "__set_name__",
        "__prepare__",
        "__hash__",
        "__repr__",
        "__class__",
        "__dict__",
        "__weakref__",
        "__module__",
        "__qualname__",
        "__doc__",
        "__slots__",
    ]
)


def complete(classes: Counts, same_version: bool, environment: Optional[Environment]) -> None:
    """Complete rebuilt classes that had so many names more. `environment` is None where no code may run."""
    lacking: Dict[type, int] = {}
    for cls, omitted in classes:
        known = _HARMLESS.get(_name_of(cls))
        if known is None:
            lacking[cls] = omitted
        elif same_version:
            _borrow(cls, known, vars(known).keys() - _NOT_BORROWED, replace=environment is None)
        else:
            lacking[cls] = omitted
            _borrow(cls, known, _SAME_IN_EVERY_VERSION.get(known, frozenset()), replace=True)
    members = NotRecordedMembers(lacking) if environment is None else MembersFromEnvironment(lacking, environment)
    for cls in lacking:
        if "__getattr__" not in _names(cls):
            type.__setattr__(cls, "__getattr__", members)


def _borrow(cls: type, known: type, names: AbstractSet[str], replace: bool) -> None:
    own = _names(cls)
    for name in names & vars(known).keys():
        if replace or name not in own:
            type.__setattr__(cls, name, vars(known)[name])


def _names(cls: type) -> Dict[str, Any]:
    names: Dict[str, Any] = type.__dict__["__dict__"].__get__(cls)
    return names


def _name_of(cls: type) -> Tuple[Any, Any]:
    return _names(cls).get("__module__"), type.__dict__["__qualname__"].__get__(cls)


class NotRecordedMembers:
    """The `__getattr__` of classes of which only some names were recorded."""

    def __init__(self, omitted: Dict[type, int]) -> None:
        self._omitted = omitted

    def __get__(self, value: object, cls: type) -> Callable[[str], Any]:
        return functools.partial(self._find, value, cls)

    def _lacking(self, cls: type) -> List[type]:
        """Those of the class and its bases of which not all is there."""
        return [base for base in type.__dict__["__mro__"].__get__(cls) if base in self._omitted]

    def _find(self, value: object, cls: type, name: str) -> Any:
        raise AttributeError(self._sentence(cls, name))

    def _sentence(self, cls: type, name: str) -> str:
        where = ", ".join(
            f"{self._omitted[base]} more names of class {'.'.join(map(str, _name_of(base)))}"
            for base in self._lacking(cls)
        )
        shown = type.__dict__["__name__"].__get__(cls)
        what = f"{shown!r} object has no attribute {name!r} here"
        return f"{what}; not followed, because no captured code uses them: {where}"


class MembersFromEnvironment(NotRecordedMembers):
    """The same where code may run: what was not recorded is that of the class of the same name in the environment."""

    def __init__(self, omitted: Dict[type, int], environment: Environment) -> None:
        super().__init__(omitted)
        self._environment = environment

    def _find(self, value: object, cls: type, name: str) -> Any:
        reasons = []
        for base in self._lacking(cls):
            try:
                member = self._environment.find_member(*_name_of(base), name)
            except KeyError:
                continue
            except AbsentValue as error:
                reasons.append(str(error))
                continue
            bind = getattr(type(member), "__get__", None)
            return member if bind is None else bind(member, value, cls)
        raise AttributeError("; ".join([self._sentence(cls, name), *reasons]))
