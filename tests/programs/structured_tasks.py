"""Runs of trio and of anyio on both backends, whose tasks are inside of nurseries and cancel scopes.

`runs` is what the libraries themselves say of each run, walking trio.lowlevel.current_root_task() and
anyio.get_running_tasks(), with what each task has noted of the scopes that it has entered.
"""

import asyncio
import contextlib
import math
import sys
import threading

import anyio
import oracle
import trio
import trio.testing
from awaiting import chain_of

suite = oracle.Suite()

RUNS = []
# By id of the task: what it has entered, outermost first.
NOTED = {}


class Run:
    """One run of a library: what is needed to describe it, and to let it go on."""

    def __init__(self, name, tasks, release):
        self.name = name
        self.tasks = tasks  # a function that describes them
        self.thread = threading.get_ident()
        self.release = release
        RUNS.append(self)


def note(scope, kind, varname, wanted, owner=None):
    """What was entered in the line before the caller's: the scope itself, not what stands for it."""
    frame = sys._getframe(1)
    NOTED.setdefault(id(owner or trio.lowlevel.current_task()), []).append(
        {
            "id": hex(id(scope)),
            "kind": kind,
            "varname": varname,
            "line": frame.f_lineno - 1,
            "function": frame.f_code.co_name,
            "deadline": scope.deadline if math.isfinite(scope.deadline) else None,
            **wanted,
        }
    )


PLAIN = {"cancelled": False, "shield": False}
SHIELD = {"cancelled": False, "shield": True}

# ------------------------------------------------------------------------------------------------ trio


async def leaf(event):
    inside = "a local"
    await event.wait()
    return inside


async def timed(event):
    with trio.move_on_after(10000) as scope:
        note(scope, "cancel scope", "scope", PLAIN)
        await event.wait()


async def fails_after(event):
    with trio.fail_after(20000) as scope:
        note(scope, "cancel scope", "scope", PLAIN)
        await event.wait()


async def cancelled(event):
    with trio.CancelScope() as outer:
        note(outer, "cancel scope", "outer", {"cancelled": True, "shield": False})
        outer.cancel()
        with trio.CancelScope(shield=True):
            note(unnamed_scope(), "cancel scope", None, SHIELD)
            await event.wait()


def unnamed_scope():
    return trio.lowlevel.current_task()._cancel_status._scope


class Holder:
    pass


async def nests(event):
    holder = Holder()
    async with trio.open_nursery() as outer:
        note(outer.cancel_scope, "nursery", "outer", PLAIN)
        outer.start_soon(leaf, event, name="outer leaf")
        async with trio.open_nursery() as holder.inner:
            note(holder.inner.cancel_scope, "nursery", "holder.inner", PLAIN)
            holder.inner.start_soon(leaf, event, name="inner leaf")
            holder.inner.start_soon(timed, event, name="inner timed")


async def stacked(event):
    async with contextlib.AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(trio.open_nursery())
        note(nursery.cancel_scope, "nursery", "stack", PLAIN)
        NOTED[id(trio.lowlevel.current_task())][0]["line"] -= 1
        nursery.start_soon(leaf, event, name="stacked leaf")
        await event.wait()


@contextlib.asynccontextmanager
async def service(event):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leaf, event, name="service leaf")
        yield nursery


async def uses_service(event):
    async with service(event) as used:
        note(used.cancel_scope, "nursery", "used", PLAIN)
        await event.wait()


async def starts(event):
    async with trio.open_nursery() as nursery:
        note(nursery.cancel_scope, "nursery", "nursery", PLAIN)
        await nursery.start(started_late, event)


async def started_late(event, task_status=trio.TASK_STATUS_IGNORED):
    await event.wait()
    task_status.started()


async def trio_main(name, park):
    event = trio.Event()
    async with trio.open_nursery() as nursery:
        note(nursery.cancel_scope, "nursery", "nursery", PLAIN)
        for function in (timed, fails_after, cancelled, nests, stacked, uses_service, starts):
            nursery.start_soon(function, event, name=function.__name__)
        for number in range(3):
            nursery.start_soon(leaf, event, name="leaf %d" % number)
        await trio.testing.wait_all_tasks_blocked()
        root = trio.lowlevel.current_root_task()
        token = trio.lowlevel.current_trio_token()
        Run(name, lambda: describe_trio(root, current), lambda: token.run_sync_soon(event.set))
        # It is blocked while it waits for a thread, an event or a nursery; it runs while it parks itself.
        current = trio.lowlevel.current_task() if park is oracle.park else None
        park()
        if park is oracle.park:
            event.set()
        await event.wait()


def describe_trio(root, current):
    described = {}
    pending = [(root, None, None)]
    main = None
    while pending:
        task, parent, nursery = pending.pop()
        system = any(frame.f_code.co_name == "init" for frame in [parent.coro.cr_frame]) if parent else False
        for child_nursery in task.child_nurseries:
            pending += [(child, task, child_nursery) for child in child_nursery.child_tasks]
        if task.name.endswith("trio_main"):
            main = task
        described[hex(id(task))] = {
            "name": task.name,
            "coroutine": task.coro.__qualname__,
            "role": "init" if parent is None else "main" if task is main else "system" if system else None,
            "state": "running" if task is current else "pending",
            "parent": parent and hex(id(parent)),
            "parent_scope": nursery and hex(id(nursery.cancel_scope)),
            "nurseries": {
                hex(id(each.cancel_scope)): sorted(hex(id(child)) for child in each.child_tasks)
                for each in task.child_nurseries
            },
            "scopes": NOTED.get(id(task)),
            "frames": None if task is current else chain_of(task.coro)[0],
        }
    return described


@suite.shape
def parks_in_trio():
    trio.run(trio_main, "parks_in_trio", oracle.park)


@suite.shape(elsewhere=True)
def idle_trio():
    trio.run(trio_main, "idle_trio", oracle.arrive)


@suite.shape
def guest():
    """trio within a loop of asyncio, which is about to go on when the program is looked at."""

    async def host():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def ask_to_park():
            loop.call_soon(oracle.park)

        trio.lowlevel.start_guest_run(
            trio_main,
            "guest",
            ask_to_park,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=done.set_result,
        )
        (await done).unwrap()

    asyncio.new_event_loop().run_until_complete(host())


# ------------------------------------------------------------------------------------------------ anyio


def original(scope):
    """What trio has of a cancel scope of anyio."""
    return getattr(scope, "_CancelScope__original", scope)


def this_task(on_trio):
    return trio.lowlevel.current_task() if on_trio else asyncio.current_task()


async def any_leaf(event, on_trio):
    with anyio.CancelScope(shield=True) as scope:
        note(original(scope), "cancel scope", "scope", SHIELD, this_task(on_trio))
        await event.wait()


async def any_timed(event, on_trio):
    with anyio.move_on_after(30000) as scope:
        note(original(scope), "cancel scope", "scope", PLAIN, this_task(on_trio))
        await event.wait()


async def any_group(event, on_trio):
    async with anyio.create_task_group() as group:
        note(original(group.cancel_scope), "task group", "group", PLAIN, this_task(on_trio))
        group.start_soon(any_leaf, event, on_trio, name="grouped leaf")
        group.start_soon(any_timed, event, on_trio, name="grouped timed")


async def any_main(name, on_trio):
    event = anyio.Event()
    async with anyio.create_task_group() as outer:
        note(original(outer.cancel_scope), "task group", "outer", PLAIN, this_task(on_trio))
        outer.start_soon(any_group, event, on_trio, name="group")
        outer.start_soon(any_leaf, event, on_trio, name="leaf")
        with anyio.fail_after(40000) as limit:
            note(original(limit), "cancel scope", "limit", PLAIN, this_task(on_trio))
            await anyio.wait_all_tasks_blocked()
            tasks = anyio.get_running_tasks()
            current = anyio.get_current_task().id
            Run(name, lambda: describe_anyio(tasks, current), None)
            oracle.park()
            event.set()


def describe_anyio(tasks, current):
    ids = {task.id for task in tasks}
    return {
        hex(task.id): {
            "name": task.name,
            "state": "running" if task.id == current else "pending",
            "parent": hex(task.parent_id) if task.parent_id in ids else None,
            "scopes": NOTED.get(task.id),
        }
        for task in tasks
    }


@suite.shape
def anyio_on_trio():
    anyio.run(any_main, "anyio_on_trio", True, backend="trio")


@suite.shape
def anyio_on_asyncio():
    anyio.run(any_main, "anyio_on_asyncio", False, backend="asyncio")


def describe_runs():
    return {run.name: {"thread": run.thread, "tasks": run.tasks()} for run in RUNS}


def release():
    for run in RUNS:
        if run.release is not None and run.name != "parks_in_trio":
            run.release()


suite.after("runs", describe_runs)
suite.on_release(release)

if __name__ == "__main__":
    suite.main()
