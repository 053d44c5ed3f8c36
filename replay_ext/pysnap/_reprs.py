"""How instances of rebuilt classes are shown, where their captured __repr__ is one that Python itself makes.

A captured __repr__ is not run. That of a named tuple, a dataclass, an enum or a container of weak references is known
by the file and the name of its code, and one of ours says the same. An instance of any other class is shown as its
builtin base would.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import reprlib
import sys
import types
from typing import Any, Callable, Dict, FrozenSet, Iterator, Optional, Tuple

from pysnap._known import known_types

Repr = Callable[[Any], str]


def replacement(cls: type, function: object, minor: int) -> Repr:
    """What stands for `function` as the __repr__ of `cls`, which CPython 3.`minor` had."""
    if type(function) is types.FunctionType:
        for known in _named_tuple, _dataclass, _enum, _enum_class, _weak_dictionary, _weak_set:
            found = known(cls, function, minor)
            if found is not None:
                return found
    return _of_builtin_base(cls)


def _of_builtin_base(cls: type) -> Repr:
    own = next((base for base in _mro(cls) if base in _own_types()), object)
    shows: Any = own.__repr__
    return shows  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=None)
def _own_types() -> FrozenSet[type]:
    """Those of this interpreter that a rebuilt class may have among its bases."""
    return frozenset(known_types().values())


def _mro(cls: type) -> Tuple[type, ...]:
    line: Tuple[type, ...] = type.__dict__["__mro__"].__get__(cls)
    return line


def _comes_from(function: types.FunctionType, *files: str) -> bool:
    return function.__code__.co_filename.replace("\\", "/").endswith(files)


def _class_attribute(cls: type, name: str) -> Any:
    for base in _mro(cls):
        names: Dict[str, Any] = type.__dict__["__dict__"].__get__(base)
        if name in names:
            return names[name]
    return None


def _attribute(value: object, name: str) -> Any:
    """KeyError where there is none; nothing that its class says is asked."""
    names = object.__getattribute__(value, "__dict__")
    return names[name]


def _named_tuple(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    code = function.__code__
    if (
        not _comes_from(function, "/collections/__init__.py")
        or code.co_name != "__repr__"
        or not issubclass(cls, tuple)
    ):
        return None

    def show(self: Any) -> str:
        fields = _class_attribute(type(self), "_fields")
        if type(fields) is not tuple or len(fields) != tuple.__len__(self):
            return tuple.__repr__(self)
        pairs = zip(fields, tuple.__iter__(self))
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    return show


def _closure(function: types.FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):
            yield cell.cell_contents


def _dataclass(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    if function.__code__.co_name != "wrapper" or not _comes_from(function, "/dataclasses.py", "/reprlib.py"):
        return None
    made = [each for each in _closure(function) if type(each) is types.FunctionType]
    if not any(each.__code__.co_filename == "<string>" and each.__code__.co_name == "__repr__" for each in made):
        return None
    fields = type.__dict__["__dict__"].__get__(cls).get("__dataclass_fields__")
    if type(fields) is not dict:
        return None

    @reprlib.recursive_repr()
    def show(self: Any) -> str:
        shown = []
        for name, field in fields.items():
            kind = _slot(_slot(field, "_field_type"), "name")  # another one for ClassVar and InitVar
            if _slot(field, "repr") is True and type(kind) is str and kind == "_FIELD":
                shown.append(f"{name}={object.__getattribute__(self, name)!r}")
        return f"{type(self).__qualname__}({', '.join(shown)})"

    return show


def _slot(value: object, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return None


def _enum(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    if not _comes_from(function, "/enum.py") or function.__code__.co_name != "__repr__" or issubclass(cls, type):
        return None
    of_builtin_base = _of_builtin_base(cls)

    def show(self: Any) -> str:
        try:
            name, value = _attribute(self, "_name_"), _attribute(self, "_value_")
        except (AttributeError, KeyError):
            return str(of_builtin_base(self))
        if type(name) is str:
            return f"<{type(self).__name__}.{name}: {value!r}>"
        if minor >= 11:
            return f"<{type(self).__name__}: {value!r}>"
        # The names of a flag are sought when it is shown, with what else such a class has (_class_members).
        if minor == sys.version_info[1]:
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                return enum.Flag.__repr__(self)
        return str(of_builtin_base(self))

    return show


def _enum_class(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    if not _comes_from(function, "/enum.py") or function.__code__.co_name != "__repr__" or not issubclass(cls, type):
        return None

    def show(self: Any) -> str:
        is_flag = minor >= 11 and any((base.__module__, base.__name__) == ("enum", "Flag") for base in _mro(self))
        return f"<{'flag' if is_flag else 'enum'} {self.__name__!r}>"

    return show


def _weak_dictionary(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    if not _comes_from(function, "/weakref.py") or function.__code__.co_name != "__repr__":
        return None
    if not any(base.__name__ in ("WeakKeyDictionary", "WeakValueDictionary") for base in _mro(cls)):
        return None
    return lambda self: f"<{type(self).__name__} at {id(self):#x}>"


def _weak_set(cls: type, function: types.FunctionType, minor: int) -> Optional[Repr]:
    if not _comes_from(function, "/_weakrefset.py") or function.__code__.co_name != "__repr__":
        return None

    def show(self: Any) -> str:
        try:
            return repr(_attribute(self, "data"))
        except (AttributeError, KeyError):
            return object.__repr__(self)

    return show
