"""The context managers that frames are inside of, with what is in them."""

from __future__ import annotations

from types import FrameType, FunctionType, MethodType
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from ._absent import BuiltinFunction
from ._hooks import elaborate_context
from ._record import Record
from ._stacks import await_chain, has_frame, is_running

#: One frame's, as the extension gives them: manager, target, line, is_async, is_exiting, is_entering.
_Facts = Tuple[Any, Optional[str], int, bool, bool, bool]


class Context(Record):
    """One item of a with statement, or one entry of an ExitStack, as `pysnap show --json` describes it."""

    def __init__(self, contexts: Contexts, facts: _Facts, description: Optional[str] = None) -> None:
        self.object, self.varname, line, self.is_async, self.is_exiting, self.is_entering = facts
        self.line: Optional[int] = line or None
        #: Of an entry of an ExitStack the call that has made it.
        self.description = description
        #: For whoever prints it.
        self.hide = False
        self._contexts = contexts
        self._inner_frames: Optional[List[FrameType]] = None
        self._children: Optional[List[Context]] = None
        elaborate = elaborate_context.find(self.object)
        if elaborate is not None:
            elaborate(self.object, self)

    @property
    def inner_frames(self) -> List[FrameType]:
        """Of a @contextmanager the frames of its generator, the outermost first."""
        return _generator_frames(self.object) if self._inner_frames is None else self._inner_frames

    @inner_frames.setter
    def inner_frames(self, frames: List[FrameType]) -> None:
        self._inner_frames = frames

    @property
    def children(self) -> List[Context]:
        """Of an ExitStack what it has to leave, in the order of entry."""
        if self._children is None:
            entries = _entries(self.object, self.varname or "stack")
            self._children = [Context(self._contexts, facts, text) for facts, text in entries]
        return self._children

    @children.setter
    def children(self, children: List[Context]) -> None:
        self._children = children

    def __repr__(self) -> str:
        target = f" as {self.varname}" if self.varname else ""
        return f"<Context {self.object!r}{target} line={self.line}{' exiting' if self.is_exiting else ''}>"


class Contexts:
    """Of all frames of a snapshot."""

    def __init__(self, facts: List[Tuple[FrameType, List[_Facts]]]) -> None:
        # Frames are told apart by what they are: those that are equal are the same.
        self._by_frame: Dict[int, Tuple[FrameType, List[_Facts]]] = {id(frame): (frame, of) for frame, of in facts}

    def of(self, frame: FrameType) -> List[Context]:
        _, contexts = self._by_frame.get(id(frame), (frame, []))
        return [Context(self, facts) for facts in contexts]

    def managers(self, frame: FrameType) -> List[Tuple[Any, Optional[str], int]]:
        """Those of a frame alone: manager, target, line."""
        _, contexts = self._by_frame.get(id(frame), (frame, []))
        return [facts[:3] for facts in contexts]

    def within(self, manager: Any, seen: Set[int]) -> Iterator[Any]:
        """A manager, and those that its generator or its ExitStack has entered: each that is not in `seen`."""
        pending = [manager]
        while pending:
            manager = pending.pop()
            if id(manager) in seen:
                continue
            seen.add(id(manager))
            yield manager
            pending.extend(facts[0] for facts, _ in _entries(manager, ""))
            pending.extend(inner for frame in _generator_frames(manager) for inner, _, _ in self.managers(frame))


def _is_from_contextlib(value: Any, name: str) -> bool:
    return any(cls.__module__ == "contextlib" and cls.__name__ == name for cls in type(value).__mro__)


def _generator_frames(manager: Any) -> List[FrameType]:
    if not _is_from_contextlib(manager, "_GeneratorContextManagerBase"):
        return []
    generator = vars(manager).get("gen")
    # A running one stands in some thread's stack.
    if not has_frame(generator) or is_running(generator):
        return []
    return await_chain(generator)[0]


def _entries(stack: Any, name: str) -> Iterator[Tuple[_Facts, str]]:
    if not _is_from_contextlib(stack, "_BaseExitStack"):
        return
    for entry in vars(stack).get("_exit_callbacks") or ():
        if type(entry) is not tuple or len(entry) != 2:
            continue
        is_sync, leave = entry
        value, text = _entry(leave, is_sync is False, name)
        yield (value, None, 0, is_sync is False, False, False), text


def _entry(leave: Any, is_async: bool, name: str) -> Tuple[Any, str]:
    special = "__aexit__" if is_async else "__exit__"
    if type(leave) is MethodType and getattr(leave.__func__, "__name__", None) == special:
        call = f"await {name}.enter_async_context" if is_async else f"{name}.enter_context"
        return leave.__self__, f"{call}({leave.__self__!r})"
    wrapped = vars(leave).get("__wrapped__") if type(leave) is FunctionType else None
    if wrapped is not None:
        call = f"{name}.push_async_callback" if is_async else f"{name}.callback"
        return wrapped, f"{call}({', '.join(_arguments(wrapped, leave))})"
    return leave, f"{name}.{'push_async_exit' if is_async else 'push'}({_callable_text(leave)})"


def _arguments(wrapped: Any, leave: FunctionType) -> Iterator[str]:
    cells = dict(zip(leave.__code__.co_freevars, leave.__closure__ or ()))
    yield _callable_text(wrapped)
    try:
        yield from map(repr, cells["args"].cell_contents)
        yield from (f"{key}={value!r}" for key, value in cells["kwds"].cell_contents.items())
    except (KeyError, ValueError, TypeError, AttributeError):
        yield "…"


def _callable_text(function: Any) -> str:
    if type(function) is FunctionType:
        return function.__qualname__
    if type(function) is MethodType:
        return f"{function.__self__!r}.{function.__func__.__name__}"
    return repr(function) if type(function) is not BuiltinFunction else str(function)
