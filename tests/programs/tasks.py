"""Event loops with tasks that wait in every way that asyncio has; `loops` is what Python itself says of them.

With `--without-c` asyncio is all Python, as where there is no _asyncio. With `--uvloop` the loops are uvloop's.
"""

import sys

if "--without-c" in sys.argv:
    sys.argv.remove("--without-c")
    sys.modules["_asyncio"] = None

import asyncio  # noqa: E402

if "--uvloop" in sys.argv:
    sys.argv.remove("--uvloop")
    from uvloop import new_event_loop  # noqa: E402
else:
    new_event_loop = asyncio.new_event_loop

import oracle  # noqa: E402
from awaiting import chain_of  # noqa: E402

suite = oracle.Suite()

# By name, who waits for a task. What is not here nobody waits for.
AWAITED_BY = {
    "gathered 1": ["gathers"],
    "gathered 2": ["gathers"],
    "gathered deep": ["gathers"],
    "shielded": ["shields"],
    "waited for 1": ["waits"],
    "waited for 2": ["waits"],
    "timed": ["times"],
    "awaited": ["awaits", "awaits too"],
    "awaits": ["awaits awaiting"],
    "grouped 1": ["groups"],
    "grouped 2": ["groups"],
    "circle 1": ["circle 2"],
    "circle 2": ["circle 1"],
}

LOOPS = []


async def leaf(future):
    inside = "a local"
    await future
    return inside


async def gathers(one, two, deep):
    return await asyncio.gather(one, two, asyncio.gather(deep))


async def shields(task):
    return await asyncio.shield(task)


async def waits(tasks):
    return await asyncio.wait(tasks)


async def times(task):
    return await asyncio.wait_for(task, 10000)


async def awaits(task):
    return await task


async def consumes(queue):
    return await queue.get()


async def produces(queue):
    await queue.put("first")
    await queue.put("second")


async def locks(lock):
    async with lock:
        pass


async def groups(start, future):
    async with asyncio.TaskGroup() as group:
        start(leaf(future), "grouped 1", group)
        start(leaf(future), "grouped 2", group)


async def answers():
    return 42


async def fails():
    raise ValueError("told")


def start_all(loop, future):
    """The tasks by name."""
    tasks = {}

    def start(coroutine, name, maker=loop):
        tasks[name] = maker.create_task(coroutine)
        if hasattr(tasks[name], "set_name"):
            tasks[name].set_name(name)
        return tasks[name]

    def leaves(*names):
        return [start(leaf(future), name) for name in names]

    start(gathers(*leaves("gathered 1", "gathered 2", "gathered deep")), "gathers")
    start(shields(*leaves("shielded")), "shields")
    start(waits(leaves("waited for 1", "waited for 2")), "waits")
    start(times(*leaves("timed")), "times")
    (awaited,) = leaves("awaited")
    start(awaits(awaited), "awaits too")
    start(awaits(start(awaits(awaited), "awaits")), "awaits awaiting")
    if hasattr(asyncio, "TaskGroup"):
        start(groups(start, future), "groups")
    known = {}
    known[1] = start(circle(known, 2), "circle 1")
    known[2] = start(circle(known, 1), "circle 2")
    empty, full, lock = future.empty, future.full, future.lock
    start(consumes(empty), "consumes")
    start(produces(full), "produces")
    start(locks(lock), "locks")
    start(answers(), "answers")
    start(fails(), "fails")
    return tasks


async def circle(tasks, other):
    while other not in tasks:
        await asyncio.sleep(0)
    # Without the shield nothing could cancel them.
    return await asyncio.shield(tasks[other])


def told_later(*arguments):
    raise AssertionError(arguments)


class Future(asyncio.Future):
    """What all leaves wait for; holds what others wait for."""


async def main(parks_in_task):
    loop = asyncio.get_running_loop()
    future = Future(loop=loop)
    future.empty, future.full, future.lock = asyncio.Queue(), asyncio.Queue(1), asyncio.Lock()
    await future.lock.acquire()
    tasks = start_all(loop, future)
    for _ in range(10):
        await asyncio.sleep(0)
    LOOPS.append((loop, tasks))
    loop.call_later(100000, told_later, "an argument")
    loop.call_later(50000, told_later).cancel()
    done = loop.create_future()
    if not parks_in_task:
        loop.call_soon(lambda: done.set_result(oracle.park()))
    # Has not begun when the program is looked at.
    tasks["fresh"] = asyncio.tasks.Task(leaf(future), loop=loop)
    tasks["fresh"].set_name("fresh")
    if parks_in_task:
        oracle.park()
    else:
        await done
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {name: task.done() for name, task in tasks.items()}


def run(parks_in_task, factory=None):
    loop = new_event_loop()
    loop.set_task_factory(factory)
    asyncio.set_event_loop(loop)
    try:
        ended = loop.run_until_complete(main(parks_in_task))
        assert all(ended.values()), ended
    finally:
        loop.close()


@suite.shape
def parks_in_callback():
    run(False)


@suite.shape
def parks_in_task():
    run(True)


if sys.version_info >= (3, 12):

    def starts_eagerly(loop, coroutine, eager_start=None, **options):
        # uvloop passes what the factory takes from 3.14 on.
        return asyncio.eager_task_factory(loop, coroutine, **options)

    @suite.shape
    def eager_tasks():
        run(True, starts_eagerly)


def state_of(task, current):
    if task.cancelled():
        return "cancelled"
    if task.done():
        return "finished"
    return "running" if task is current else "pending"


def describe(loop, tasks):
    described = {}
    current = asyncio.current_task(loop)
    for task in asyncio.all_tasks(loop):
        chain = [[], None] if task is current else chain_of(task.get_coro())
        described[task.get_name()] = {
            "id": hex(id(task)),
            "state": state_of(task, current),
            "coroutine": task.get_coro().__qualname__,
            "frames": chain[0],
            "leaf": chain[1],
            "awaited_by": AWAITED_BY.get(task.get_name(), []),
        }
    return {
        "tasks": described,
        "registered": sorted(tasks),
        "answers": tasks["answers"].result(),
        "fails": str(tasks["fails"].exception()),
    }


suite.after("loops", lambda: {hex(id(loop)): describe(loop, tasks) for loop, tasks in LOOPS})

if __name__ == "__main__":
    suite.main()
