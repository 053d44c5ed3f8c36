"""What stands where a snapshot has no value while its code may run: it says so as soon as it is used."""

from __future__ import annotations

import contextlib
from typing import Any, AsyncIterator, Callable, Dict, Iterator, NoReturn, Tuple

from ._absent import Absent, CodeNotRun
from ._running_iterators import going_builders


class AbsentValue(CodeNotRun):
    """Raised where code that runs uses a value that is not in the snapshot."""

    __module__ = "pysnap"


class AbsentAttribute(AbsentValue, AttributeError):
    """The same for a special attribute, which much of Python asks for only to see whether it is there."""

    __module__ = "pysnap"


def _refuse(self: Absent, *args: object) -> NoReturn:
    raise AbsentValue(f"this value is not in the snapshot: {self!r}")


class AbsentInCode(Absent):
    """An `Absent` that captured code may come upon: every operation on it raises `AbsentValue`, with its reason."""

    __slots__ = ()

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        if name in self.attributes:
            return self.attributes[name]
        error = AbsentAttribute if name.startswith("__") and name.endswith("__") else AbsentValue
        raise error(f"attribute {name!r} is not in the snapshot: {self!r}")


_OPERATIONS = (
    "bool call contains delitem enter exit getitem iter len next setitem await aiter anext aenter aexit "
    "format index int float complex bytes "
    "eq ne lt le gt ge "
    "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor "
    "radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand ror rxor "
    "neg pos abs invert round trunc floor ceil"
)
for _name in _OPERATIONS.split():
    setattr(AbsentInCode, f"__{_name}__", _refuse)


class NotIterator:
    """Stands on a frame's stack for what was an iterator in the program, and is not one here."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __iter__(self) -> NotIterator:
        return self

    def _refuse(self, *args: object) -> NoReturn:
        raise AbsentValue(f"what is iterated over cannot go on here: {self.value!r}")

    __next__ = send = throw = close = _refuse


def closed_generator(kind: int) -> Any:
    """A generator (1), coroutine (2) or async generator (3) that has ended. ValueError for anything else."""

    def generator() -> Iterator[None]:
        yield

    async def coroutine() -> None:
        pass

    async def async_generator() -> AsyncIterator[None]:
        yield

    if kind in (1, 2):
        made: Any = generator() if kind == 1 else coroutine()
        made.close()
        return made
    if kind != 3:
        raise ValueError("no kind of generator")
    made = async_generator()
    with contextlib.suppress(StopIteration):
        made.aclose().send(None)
    return made


class _ItemsOf:
    """Of an object whose class is not whole yet when an iterator over its items is made."""

    def __init__(self, sequence: Any) -> None:
        self._sequence = sequence

    def __getitem__(self, index: int) -> Any:
        return self._sequence[index]


def running_builders() -> Dict[Tuple[str, str], Callable[[Dict[str, Any]], Any]]:
    """Of what goes on to objects of the program. They raise for what cannot be made to stand where it was."""

    def make_asend(parts: Dict[str, Any]) -> Any:
        # enum AwaitableState, Objects/genobject.c: INIT has yet to send its value, ITER has sent it.
        if parts["state"] not in (0, 1):
            raise ValueError("it has ended")
        return parts["generator"].asend(parts.get("value") if parts["state"] == 0 else None)

    def make_coroutine_wrapper(parts: Dict[str, Any]) -> Any:
        return parts["coroutine"].__await__()

    def make_sequence_iterator(parts: Dict[str, Any]) -> Any:
        made: Any = iter(_ItemsOf(parts["sequence"]))
        made.__setstate__(parts["index"])
        return made

    return {
        **going_builders(),
        ("builtins", "async_generator_asend"): make_asend,
        ("builtins", "iterator"): make_sequence_iterator,
        ("builtins", "coroutine_wrapper"): make_coroutine_wrapper,
    }
