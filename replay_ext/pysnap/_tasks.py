"""The tasks of asyncio and trio: the tree of who waits for whom, and of who is whose child."""

from __future__ import annotations

from types import FrameType
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ._absent import Absent
from ._contexts import Contexts
from ._record import Record
from ._scopes import Scope, scopes_of
from ._stacks import await_chain, is_running

_STATES = (None, "pending", "running", "cancelled", "finished")
_LIBRARIES = ("asyncio", "trio")
_ROLES = (None, "main", "init", "system")


class Task(Record):
    """A task of asyncio or trio, as `pysnap show --json` describes it."""

    def __init__(self, facts: Any, running_frames: Sequence[FrameType], contexts: Contexts) -> None:
        """`running_frames`: of the thread that runs its loop, the outermost first."""
        #: id(task) in the program, as text: "0x7f…".
        self.id: str = hex(facts["address"])
        self.name: str = facts["name"]
        #: "pending", "running", "cancelled", "finished"; None when it is not known.
        self.state = _STATES[facts["state"]] if facts["state"] < len(_STATES) else None
        #: What it runs; as a rule a `pysnap.Suspended`, or a coroutine where captured code may run.
        self.coroutine: Any = facts["coroutine"]
        #: What is captured of the task itself, and of its loop.
        self.object: Any = facts["object"]
        self.loop: Any = facts["loop"]
        self.native_id = facts["native_id"]  # of the thread that runs the loop; None: not known
        self.interpreter: int = facts["interpreter"]
        #: Its frames, the outermost first, and what the last one waits on.
        self.frames: List[FrameType]
        self.leaf: Any
        self.frames, self.leaf = _frames_of(self.coroutine, running_frames)
        self.result: Any
        self.exception: Any
        self.result, self.exception = _outcome_of(self.object) if self.state == "finished" else (None, None)
        #: The ids of tasks it waits for, and of those that wait for it.
        self.awaits: List[str] = []
        self.awaited_by: List[str] = [hex(address) for address in facts["awaited_by"]]
        #: "asyncio" or "trio".
        self.library: Optional[str] = _LIBRARIES[facts["library"]] if facts["library"] < len(_LIBRARIES) else None
        #: Of trio's "main", "init" or "system"; None for all others.
        self.role = _ROLES[facts["role"]] if facts["role"] < len(_ROLES) else None
        #: The future it waits for; of trio what has put it to sleep left with it (custom_sleep_data).
        self.waits_on: Any = facts["waiter"]
        #: The ids of the task that it is a child of, and of the cancel scope in which it is that; None: none, or not
        #: known.
        self.parent: Optional[str] = hex(facts["parent"]) if facts["parent"] else None
        self.parent_scope: Optional[str] = hex(facts["parent_scope"]) if facts["parent_scope"] else None
        #: The ids of its children that are in none of `scopes`.
        self.children: List[str] = []
        #: An Absent that says why, if `scopes` or what is told of the parent is not whole.
        self.scopes_absent: Any = facts["scopes_absent"]
        self._scope_facts = facts["scopes"]
        self._scope_children: Dict[str, List[str]] = {hex(each["address"]): [] for each in facts["scopes"]}
        self._scopes: Optional[List[Scope]] = None
        self._contexts = contexts

    @property
    def scopes(self) -> List[Scope]:
        """Of trio and anyio: the nurseries, task groups and cancel scopes that it is inside of, the outermost first."""
        if self._scopes is None:
            self._scopes = scopes_of(self._scope_facts, self.frames, self._contexts)
            for scope in self._scopes:
                # Of two that say to be the same, the first.
                scope.children = self._scope_children.pop(scope.id, [])
        return self._scopes

    def add_child(self, child: Task) -> None:
        self._scope_children.get(child.parent_scope or "", self.children).append(child.id)

    def __repr__(self) -> str:
        return f"<Task {self.name!r} {self.state} frames={len(self.frames)}>"


def link(tasks: Sequence[Task]) -> None:
    """Fill in what tasks wait for; who waits for a task is known of each."""
    by_id = {task.id: task for task in tasks}
    order = {task.id: number for number, task in enumerate(tasks)}
    for task in tasks:
        task.awaited_by = sorted((waiter for waiter in task.awaited_by if waiter in by_id), key=order.__getitem__)
        for waiter in task.awaited_by:
            by_id[waiter].awaits.append(task.id)
        if task.parent is not None and task.parent in by_id and task.parent != task.id:
            by_id[task.parent].add_child(task)


def _frames_of(coroutine: Any, running_frames: Sequence[FrameType]) -> Tuple[List[FrameType], Any]:
    if not is_running(coroutine):
        return await_chain(coroutine)
    for number, frame in enumerate(running_frames):
        if frame is coroutine.frame:
            return list(running_frames[number:]), None
    return [], None


def _outcome_of(task: Any) -> Tuple[Any, Any]:
    if isinstance(task, Absent):
        return task.attributes.get("_result"), task.attributes.get("_exception")
    kept = getattr(task, "__dict__", {})
    return kept.get("_result"), kept.get("_exception")


class Node(NamedTuple):
    """A line of the tree: a task, or one of the scopes that it is inside of."""

    depth: int
    task: Task
    scope: Optional[Scope]
    #: The task hangs here because the one above waits for it.
    awaited: bool = False
    #: Those of its siblings that stand where it does.
    others: Sequence[Task] = ()
    remark: str = ""


def tree(tasks: Sequence[Task]) -> Iterator[Node]:
    """The tasks as a tree.

    First those that nobody waits for and that are nobody's children. Below each its scopes with its children in them,
    and what it waits for. Then those that wait for each other in a circle.
    """
    by_id = {task.id: task for task in tasks}
    shown: Set[str] = set()

    def walk(siblings: Sequence[Task]) -> Iterator[Node]:
        path: Set[str] = set()
        # None: all below the task were told.
        pending: List[Tuple[Task, Optional[Node]]] = []

        def push(depth: int, ids: Sequence[str], awaited: bool) -> None:
            groups = _groups([by_id[each] for each in ids], shown)
            pending.extend((first, Node(depth, first, None, awaited, others)) for first, others in reversed(groups))

        push(0, [task.id for task in siblings], False)
        while pending:
            task, node = pending.pop()
            if node is None:
                path.discard(task.id)
                continue
            if node.scope is not None:
                yield node
                push(node.depth + 1, node.scope.children, False)
                continue
            if task.id in shown:
                yield node._replace(
                    others=(), remark="a circle: it waits for itself" if task.id in path else "shown above"
                )
                continue
            shown.update((task.id, *(other.id for other in node.others)))
            yield node
            path.add(task.id)
            pending.append((task, None))
            push(node.depth + 1, [each for each in task.awaits if by_id[each].parent != task.id], True)
            push(node.depth + 1, task.children, False)
            pending.extend((task, Node(node.depth, task, scope)) for scope in reversed(task.scopes))

    yield from walk([task for task in tasks if not task.awaited_by and task.parent not in by_id])
    for task in tasks:
        if task.id not in shown:
            yield from walk([task])


def _groups(tasks: Sequence[Task], shown: Set[str]) -> List[Tuple[Task, List[Task]]]:
    groups: List[Tuple[Task, List[Task]]] = []
    alike: Dict[Any, List[Task]] = {}
    for task in tasks:
        parts = task.children or any(scope.children for scope in task.scopes)
        if task.awaits or parts or not task.frames or len(task.awaited_by) > 1 or task.id in shown:
            groups.append((task, []))
            continue
        scopes = tuple((scope.cancelled, scope.shield) for scope in task.scopes)
        place = (task.state, id(task.loop), scopes, *((frame.f_code, frame.f_lasti) for frame in task.frames))
        if place in alike:
            alike[place].append(task)
        else:
            alike[place] = []
            groups.append((task, alike[place]))
    return groups
