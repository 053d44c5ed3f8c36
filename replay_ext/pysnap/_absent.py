"""What stands where a snapshot has no value, or none that may act."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Any, Dict, Optional


class CodeNotRun(RuntimeError, TypeError):
    __module__ = "pysnap"

    """Raised by captured functions and methods, which are not run.

    A TypeError too, so that callers that expect an operation to be unsupported (pprint's sorting) go on.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "code of the snapshot is not run; replay with --run-code to allow it")


class CodeFromOtherVersion(CodeNotRun):
    """The same for code that this interpreter could not run: it was compiled for another Python version."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "this code was captured from another Python version and cannot run here")


class Absent:
    """Stands for a value that is not in the snapshot, and says why.

    `reason` is one of unknown, unreadable, limit, unsupported, redacted, torn, inconsistent, not followed; `detail`
    says more where there is more; `type` is the value's class if that is known. What was captured of the value is in
    `value` (a beginning; `tail`: an end) and `attributes`.
    """

    __slots__ = ("attributes", "detail", "reason", "tail", "type", "value")

    def __init__(self, reason: str, detail: Optional[str] = None, type: Optional[type] = None) -> None:
        self.reason = reason
        self.detail = detail or ""
        self.type = type
        self.value: Any = None
        self.tail: Any = None
        self.attributes: Dict[str, Any] = {}

    def __repr__(self) -> str:
        kind = "" if self.type is None else f" {_type_name(self.type)}"
        detail = f": {self.detail}" if self.detail else ""
        return f"<absent{kind}: {self.reason}{detail}>"


class CallbackNotCalled:
    """Stands for the callback of a weak reference, which is not called when the object goes; `callback` is what was."""

    __slots__ = ("callback",)

    def __init__(self, callback: object) -> None:
        self.callback = callback

    def __call__(self, reference: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"<not called: {self.callback!r}>"


class BuiltinFunction:
    """Stands for a function written in C that is not one of this interpreter's known ones."""

    __slots__ = ("__name__", "__objclass__", "__self__", "module")

    def __init__(self, name: str, owner: object, objclass: Optional[type], module: Optional[str]) -> None:
        #: The name of the module that it is of, where that is known.
        self.module = module
        self.__name__ = name
        self.__self__ = owner
        self.__objclass__ = objclass

    def __repr__(self) -> str:
        if self.__objclass__ is not None:
            return f"<slot or method {self.__name__!r} of {_type_name(self.__objclass__)!r} objects>"
        return f"<built-in function {self.__name__}>"

    def __call__(self, *args: object, **kwargs: object) -> object:
        raise CodeNotRun(f"{self.__name__}() is written in C and not in the snapshot")


class Suspended:
    """Stands for a generator, coroutine or async generator: its frame can be looked at, it cannot go on."""

    __slots__ = ("address", "awaiting", "code", "frame", "going_on", "kind", "name", "qualname", "state")

    def __init__(self) -> None:
        self.kind = "unknown"
        self.state = "unknown"
        self.name: Any = None
        self.qualname: Any = None
        self.code: Optional[CodeType] = None
        self.frame: Optional[FrameType] = None
        self.awaiting: Any = None
        self.address = 0
        #: What it goes on as where its frame was let go on.
        self.going_on: Any = None

    def __repr__(self) -> str:
        kind = self.kind.replace("_", " ").replace("async generator", "async_generator")
        return f"<{kind} object {self.qualname} at {self.address:#x}>"

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__"):
            return self.name if name == "__name__" else self.qualname
        if name in Suspended.__slots__:
            return None  # the snapshot does not say
        raise AttributeError(name)

    @property
    def gi_frame(self) -> Optional[FrameType]:
        return self.frame

    @property
    def gi_code(self) -> Optional[CodeType]:
        return self.code

    @property
    def gi_yieldfrom(self) -> Any:
        return self.awaiting

    cr_frame = ag_frame = gi_frame
    cr_code = ag_code = gi_code
    cr_await = ag_await = gi_yieldfrom

    @property
    def gi_running(self) -> bool:
        return self.state == "running"

    cr_running = ag_running = gi_running

    def _refuse(self, *args: object, **kwargs: object) -> Any:
        raise CodeNotRun("a generator or coroutine of the snapshot cannot go on")

    asend = athrow = aclose = _refuse

    def send(self, value: Any) -> Any:
        return self._refuse() if self.going_on is None else self.going_on.send(value)

    def throw(self, *error: Any) -> Any:
        return self._refuse() if self.going_on is None else self.going_on.throw(*error)

    def close(self) -> Any:
        return self._refuse() if self.going_on is None else self.going_on.close()

    def __next__(self) -> Any:
        return self.send(None)

    def __iter__(self) -> Suspended:
        return self

    def __await__(self) -> Any:
        return self._refuse() if self.going_on is None else self


class NotRecorded:
    """The `__getattr__` of a module of which a snapshot holds only the names that captured code uses."""

    __slots__ = ("module", "omitted")

    def __init__(self, module: object, omitted: int) -> None:
        self.module = module
        self.omitted = omitted

    def __repr__(self) -> str:
        return f"<{self.omitted} more names, not followed>"

    def __call__(self, name: str) -> Any:
        raise AttributeError(
            f"{name!r} is not among the recorded names of module {self.module!r};"
            f" {self.omitted} more that it had are not followed: no captured code uses them"
        )


def _type_name(cls: type) -> str:
    """The name that Python itself shows for a class."""
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"
