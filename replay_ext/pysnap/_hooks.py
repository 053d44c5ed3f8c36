"""What a library's author teaches pysnap about its stacks: docs/hooks.md.

In a replay the library is not there, only what was captured of it. So hooks are registered for names of types and
functions, and work on what is rebuilt: attributes can be looked at, methods do not run.
"""

from __future__ import annotations

from types import FrameType
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Hook:
    """By type: `@hook.register("module.Class")` decorates what is called for instances of it, or of what extends it."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc
        self._functions: Dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        if "." not in name:
            raise ValueError(f"{name!r} is not a module and the name of a type in it")

        def decorate(function: F) -> F:
            self._functions[name] = function
            return function

        return decorate

    def unregister(self, name: str) -> None:
        """LookupError if nothing is registered for it."""
        del self._functions[name]

    def find(self, value: Any) -> Optional[Callable[..., Any]]:
        """The function for the nearest class of the value's."""
        if not self._functions:
            return None
        for cls in type.mro(type(value)) if type(value) is not type else ():
            found = self._functions.get(f"{cls.__module__}.{cls.__qualname__}")
            if found is not None:
                return found
        return None


unwrap_stackitem = Hook(
    """`function(item)` gives what stands for an awaitable, an iterator or whatever else a stack leads to: a frame, a
    coroutine, another item to be unwrapped, or None when the stack ends there."""
)

elaborate_context = Hook(
    """`function(manager, context)` changes what is told of a context manager: `context.description`, `context.hide`,
    `context.inner_frames`, `context.children`."""
)


class Customization(NamedTuple):
    hide: bool = False
    label: Optional[str] = None
    elaborate: Optional[Callable[..., Any]] = None


_customized: Dict[Tuple[str, str], Customization] = {}


def customize(
    module: str,
    qualname: str,
    *,
    hide: bool = False,
    label: Optional[str] = None,
    elaborate: Optional[Callable[..., Any]] = None,
) -> None:
    """Change how frames of a function are told: left out, or under another name.

    `elaborate(frame)` is called with each `pysnap.Frame` of it, and may change that. Up to Python 3.10 code does not
    know its qualified name: there `qualname` is compared with the bare one.
    """
    _customized[module, qualname] = Customization(hide, label, elaborate)


def customization_of(frame: FrameType) -> Customization:
    if not _customized:
        return Customization()
    module = frame.f_globals.get("__name__")
    names = [getattr(frame.f_code, "co_qualname", None), frame.f_code.co_name]
    for (of_module, qualname), customized in _customized.items():
        if of_module != module:
            continue
        if qualname in names or (names[0] is None and qualname.rpartition(".")[2] == names[1]):
            return customized
    return Customization()
