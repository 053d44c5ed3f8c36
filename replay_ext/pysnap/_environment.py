"""What captured code that runs finds in the replaying environment: what the snapshot has not of a module.

Nothing is imported before it is asked for. Of two things only one may be used: a class or a function of which there is
a captured one is that one, and what is known by its identity or keeps a state is not taken from here.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from importlib.machinery import ModuleSpec
from types import BuiltinFunctionType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ._absent import BuiltinFunction, CodeNotRun, NotRecorded
from ._running import AbsentValue

# Of a class, what needs no instance of its own to be found there.
_DESCRIPTORS = (FunctionType, property, classmethod, staticmethod, MemberDescriptorType, GetSetDescriptorType)
_CONSTANTS = (type(None), type(...), bool, int, float, complex, str, bytes, range)


class Environment:
    """For one snapshot."""

    def __init__(self, captured: Iterable[Any], bare: Iterable[object]) -> None:
        """`captured`: its classes and functions; `bare`: its objects that have nothing but their identity."""
        self._captured: Dict[Tuple[Any, Any], Any] = {}
        for one in captured:
            self._captured.setdefault(_name_of(one), one)
        self._bare: Dict[Tuple[Any, Any], List[object]] = {}
        for thing in bare:
            self._bare.setdefault(_name_of(type(thing)), []).append(thing)

    def find(self, module: Any, name: str, not_in: object) -> Any:
        """What the module has here. KeyError when it has no such name, AbsentValue when it may not be used.

        `not_in`: a namespace that is known not to have it.
        """
        what = f"{name!r} of module {module!r} is not recorded"
        try:
            here = importlib.import_module(module) if type(module) is str else None
        except ImportError as error:
            raise AbsentValue(f"{what}: {error}") from None
        if here is None or vars(here) is not_in:
            raise AbsentValue(what)
        return self._usable(vars(here)[name], what)

    def find_member(self, module: Any, qualname: Any, name: str) -> Any:
        """What the class of that name has here in its own namespace, unbound. Raises as `find` does."""
        what = f"{name!r} of class {module}.{qualname} is not recorded"
        try:
            owner: Any = importlib.import_module(module) if type(module) is str else None
        except ImportError as error:
            raise AbsentValue(f"{what}: {error}") from None
        for part in str(qualname).split("."):
            owner = vars(owner).get(part) if isinstance(owner, (type, ModuleType)) else None
        if not isinstance(owner, type) or self._captured.get((module, qualname)) is owner:
            raise AbsentValue(what)
        value = vars(owner)[name]
        if isinstance(value, _DESCRIPTORS):
            return value
        return self._usable(value, what)

    def _usable(self, value: Any, what: str) -> Any:
        if isinstance(value, (type, FunctionType)):
            return self._captured.get((value.__module__, value.__qualname__), value)
        if isinstance(value, (ModuleType, BuiltinFunctionType)) or _is_constant(value):
            return value
        if _is_bare(value):
            # A marker. The captured one, where there is just one of its kind; else nobody has it.
            captured = self._bare.get(_name_of(type(value)), [])
            if not captured:
                return value
            if len(captured) == 1 and type(value) is not object:
                return captured[0]
        raise AbsentValue(f"{what}, and that of this interpreter is another object")


def _name_of(one: Any) -> Tuple[Any, Any]:
    """Of a class or a function, without asking what code might answer."""
    if isinstance(one, type):
        return type.__dict__["__dict__"].__get__(one).get("__module__", "builtins"), type.__dict__[
            "__qualname__"
        ].__get__(one)
    return one.__module__, one.__qualname__


def _is_bare(value: object) -> bool:
    return type(value) is object or (
        type(value).__base__ is object and not getattr(value, "__dict__", True) and "__slots__" not in vars(type(value))
    )


def _is_constant(value: object) -> bool:
    pending: List[Any] = [value]
    for one in pending:
        if type(one) in (tuple, frozenset):
            pending.extend(one)
        elif type(one) not in _CONSTANTS:
            return False
    return True


class NamesFromModule(Dict[str, Any]):
    """The builtins of a module's namespace that was not recorded whole, and what it does not have."""

    def __init__(self, environment: Environment, namespace: Dict[str, Any]) -> None:
        super().__init__(vars(builtins))
        self._environment = environment
        self._namespace = namespace

    def __missing__(self, name: str) -> Any:
        return self._environment.find(self._namespace.get("__name__"), name, self._namespace)


class NotRecordedHere(NotRecorded):
    """The `__getattr__` of a module whose code may run: what was not recorded is found in the environment."""

    __slots__ = ("_environment", "_namespace", "_own")

    def __init__(self, environment: Environment, namespace: Dict[str, Any], omitted: int) -> None:
        super().__init__(namespace.get("__name__"), omitted)
        self._environment = environment
        self._namespace = namespace
        self._own = namespace.get("__getattr__")

    def __call__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            return super().__call__(name)
        try:
            return self._environment.find(self.module, name, self._namespace)
        except KeyError:
            if callable(self._own):
                return self._own(name)
            raise AttributeError(f"module {self.module!r} has no attribute {name!r}") from None
        except AbsentValue as error:
            raise AttributeError(str(error)) from None


class ImportedFunction(BuiltinFunction):
    """A function written in C: that of the same module here, which is imported when it is first called."""

    __slots__ = ("_found",)

    def __init__(self, name: str, owner: object, objclass: Optional[type], module: Optional[str]) -> None:
        super().__init__(name, owner, objclass, module)
        self._found: Optional[Callable[..., object]] = None

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self._found is None:
            self._found = self._find()
        return self._found(*args, **kwargs)

    def _find(self) -> Callable[..., object]:
        if self.__objclass__ is not None or not self.module:
            raise CodeNotRun(f"{self.__name__}() is written in C and not in the snapshot")
        try:
            found: Any = getattr(importlib.import_module(self.module), self.__name__)
        except (ImportError, AttributeError) as error:
            raise CodeNotRun(f"{self.__name__}() is written in C, and not to be had here: {error}") from None
        if not callable(found) or isinstance(found, BuiltinFunction):
            raise CodeNotRun(f"{self.__name__}() is written in C, and {self.module} has none here")
        return found  # type: ignore[no-any-return]


class _CapturedModules:
    """The last of sys.meta_path: modules that cannot be had here are those of the snapshot."""

    def __init__(self) -> None:
        self.modules: Dict[str, ModuleType] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> Optional[ModuleSpec]:
        if name not in self.modules:
            return None
        return ModuleSpec(name, self, origin="snapshot")  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It has been."""


_captured = _CapturedModules()


def offer_modules(modules: Iterable[ModuleType]) -> None:
    """Let `import` find captured modules where there are no others of their names."""
    for module in modules:
        name = module.__dict__.get("__name__")
        if type(name) is str and name not in ("__main__", "builtins"):
            _captured.modules[name] = module
    if _captured not in sys.meta_path:
        sys.meta_path.append(_captured)
