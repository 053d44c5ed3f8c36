"""The nurseries, task groups and cancel scopes that tasks of trio and anyio are inside of."""

from __future__ import annotations

from types import FrameType, MemberDescriptorType
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ._absent import Absent
from ._contexts import Contexts
from ._record import Record

#: Context managers that enter a cancel scope: what they are, and the attribute that leads to the scope, or to another
#: manager that enters it; None: it is a scope itself. trio 0.12 to 0.35 (trio/_core/_run.py; what trio exports says
#: that it is of the module trio), anyio 3.0 to 4.16 (anyio/_backends, _core/_tasks.py).
_MANAGERS: Dict[Tuple[str, str], Tuple[str, Optional[str]]] = {
    ("trio", "CancelScope"): ("cancel scope", None),
    ("trio._core._run", "CancelScope"): ("cancel scope", None),
    ("trio._core._run", "NurseryManager"): ("nursery", "_scope"),
    ("anyio._backends._trio", "CancelScope"): ("cancel scope", "_CancelScope__original"),
    ("anyio._backends._trio", "TaskGroup"): ("task group", "_nursery_manager"),
    ("anyio._backends._asyncio", "CancelScope"): ("cancel scope", None),
    ("anyio._backends._asyncio", "TaskGroup"): ("task group", "cancel_scope"),
    ("anyio._core._tasks", "FailAfterContextManager"): ("cancel scope", "_cancel_scope"),
}
#: More managers never stand between.
_MAX_STEPS = 4


class Scope(Record):
    """A cancel scope that a task has entered and not left, as `pysnap show --json` describes it."""

    def __init__(self, facts: Any, entry: Optional[_Entry]) -> None:
        #: id() of the cancel scope in the program, as text.
        self.id: str = hex(facts["address"])
        #: "nursery", "task group", "cancel scope".
        self.kind: str = "nursery" if facts["nursery"] is not None else "cancel scope"
        #: The nursery, or else the cancel scope.
        self.object: Any = facts["object"] if facts["nursery"] is None else facts["nursery"]
        #: On the clock of its loop; infinity: none. Like the next two None where it could not be read.
        self.deadline: Optional[float] = facts["deadline"]
        self.cancelled: Optional[bool] = facts["cancelled"]
        self.shield: Optional[bool] = facts["shield"]
        #: The frame with the with statement that has entered it, the line of that, and what stands behind its `as`;
        #: None: not known.
        self.frame: Optional[FrameType] = None
        self.line: Optional[int] = None
        self.varname: Optional[str] = None
        #: The ids of the tasks that were started in it.
        self.children: List[str] = []
        if entry is not None:
            self.kind, self.frame, self.line, self.varname = entry

    def __repr__(self) -> str:
        target = f" as {self.varname}" if self.varname else ""
        return f"<Scope {self.kind}{target} line={self.line} children={len(self.children)}>"


class _Entry(NamedTuple):
    kind: str
    frame: FrameType
    line: Optional[int]
    varname: Optional[str]


def scopes_of(facts: Sequence[Any], frames: Sequence[FrameType], contexts: Contexts) -> List[Scope]:
    """`facts`: those of the task's scopes, the outermost first; `frames`: its frames."""
    if not facts:
        return []
    entries: Dict[int, _Entry] = {}
    seen: Set[int] = set()
    for frame in frames:
        for manager, varname, line in contexts.managers(frame):
            for inner in contexts.within(manager, seen):
                kind, scope = _entered_by(inner)
                if scope is not None:
                    entries.setdefault(id(scope), _Entry(kind, frame, line or None, varname))
    return [Scope(each, entries.get(id(each["object"]))) for each in facts]


def _entered_by(manager: Any) -> Tuple[str, Any]:
    """What kind of scope it enters, and that scope; None when it is not known to enter one."""
    kind = ""
    for _ in range(_MAX_STEPS):
        known = next(filter(None, (_MANAGERS.get(name) for name in _class_names(manager))), None)
        if known is None:
            break
        kind = kind or known[0]
        if known[1] is None:
            return kind, manager
        manager = _attribute(manager, known[1])
    return kind, None


def _class_names(value: Any) -> Iterator[Tuple[str, str]]:
    cls = value.type if isinstance(value, Absent) else type(value)
    for each in () if cls is None or cls is type else type.mro(cls):
        yield each.__module__, each.__qualname__


def _attribute(value: Any, name: str) -> Any:
    """What the instance itself has; nothing that a class would compute."""
    if isinstance(value, Absent):
        return value.attributes.get(name)
    own = getattr(value, "__dict__", None)
    if type(own) is dict and name in own:
        return own[name]
    for cls in type(value).__mro__:
        slot = cls.__dict__.get(name)
        if type(slot) is MemberDescriptorType:
            try:
                return slot.__get__(value)
            except AttributeError:
                return None
    return None
