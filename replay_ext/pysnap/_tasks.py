"""asyncio's tasks, and the tree of who waits for whom."""

from __future__ import annotations

from types import FrameType
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

from ._absent import Absent
from ._record import Record
from ._stacks import await_chain, is_running

_STATES = (None, "pending", "running", "cancelled", "finished")


class Task(Record):
    """A task of asyncio, as `pysnap show --json` describes it."""

    def __init__(self, facts: Any, running_frames: Sequence[FrameType]) -> None:
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


def tree(tasks: Sequence[Task]) -> Iterator[Tuple[int, Task, List[Task], str]]:
    """The tasks as a tree: how deep, which, those of its siblings that stand where it does, and a remark.

    First those that nobody waits for, below each what it waits for; then those that wait for each other in a circle.
    """
    by_id = {task.id: task for task in tasks}
    shown: Set[str] = set()

    def walk(siblings: Sequence[Task]) -> Iterator[Tuple[int, Task, List[Task], str]]:
        path: Set[str] = set()
        pending: List[Tuple[int, Task, List[Task], bool]] = []

        def push(depth: int, tasks: Sequence[Task]) -> None:
            groups = _groups(tasks, shown)
            pending.extend((depth, first, others, False) for first, others in reversed(groups))

        push(0, siblings)
        while pending:
            depth, task, others, leave = pending.pop()
            if leave:
                path.discard(task.id)
                continue
            if task.id in shown:
                yield depth, task, others, "a circle: it waits for itself" if task.id in path else "shown above"
                continue
            shown.update((task.id, *(other.id for other in others)))
            yield depth, task, others, ""
            path.add(task.id)
            pending.append((depth, task, others, True))
            push(depth + 1, [by_id[awaited] for awaited in task.awaits])

    yield from walk([task for task in tasks if not task.awaited_by])
    for task in tasks:
        if task.id not in shown:
            yield from walk([task])


def _groups(tasks: Sequence[Task], shown: Set[str]) -> List[Tuple[Task, List[Task]]]:
    groups: List[Tuple[Task, List[Task]]] = []
    alike: Dict[Any, List[Task]] = {}
    for task in tasks:
        if task.awaits or not task.frames or len(task.awaited_by) > 1 or task.id in shown:
            groups.append((task, []))
            continue
        place = (task.state, id(task.loop), *((frame.f_code, frame.f_lasti) for frame in task.frames))
        if place in alike:
            alike[place].append(task)
        else:
            alike[place] = []
            groups.append((task, alike[place]))
    return groups
