"""Event loops whose tasks wait; the argument says which: see STUCK and FED.

Prints one line when the loop has nothing left to call: what each task waits for and, of those that can still go on, the
signal that makes them (0: a line on stdin; null: time). Those end then, with exit code 0.
"""

import asyncio
import ctypes
import faulthandler
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time

EXPECTED = {}  # by the name of a task: kind and id of what it waits for
FED_BY = None


def tell(facts):
    os.write(1, json.dumps(facts).encode() + b"\n")


def task(name, coroutine):
    made = asyncio.ensure_future(coroutine)
    made.set_name(name)
    return made


def waits(name, kind, waited_for=None):
    EXPECTED[name] = [kind, waited_for and hex(id(waited_for))]


def tell_when_idle(loop):
    """As the last thing that the loop has to call."""
    if getattr(loop, "_ready", None) or any(each._fut_waiter is None for each in asyncio.all_tasks(loop)):
        loop.call_soon(tell_when_idle, loop)
        return
    facts = {"ready": True, "pid": os.getpid(), "loop": hex(id(loop)), "thread": threading.get_native_id()}
    tell(dict(facts, waits=EXPECTED, fed_by=FED_BY))


def announce():
    loop = asyncio.get_running_loop()
    loop.call_soon(tell_when_idle, loop)
    asyncio.current_task().set_name("main")


# ------------------------------------------------------------------------------------------- nobody can wake them


async def gets_of_each_other():
    first, second = asyncio.Queue(), asyncio.Queue()

    async def takes(mine, others):
        others.put_nowait(await mine.get())

    waits("a", "queue get", first)
    waits("b", "queue get", second)
    waits("main", "tasks")
    announce()
    await asyncio.gather(task("a", takes(first, second)), task("b", takes(second, first)))


async def ring_of_three():
    queues = [asyncio.Queue() for _ in range(3)]

    async def passes(number):
        await queues[(number + 1) % 3].put(await queues[number].get())

    announce()
    for number, name in enumerate("abc"):
        waits(name, "queue get", queues[number])
    waits("main", "tasks")
    await asyncio.wait([task(name, passes(number)) for number, name in enumerate("abc")])


async def put_against_get():
    full, empty = asyncio.Queue(maxsize=1), asyncio.PriorityQueue()
    full.put_nowait(0)

    async def fills():
        await full.put(1)
        await empty.put(1)

    waits("fills", "queue put", full)
    waits("main", "queue get", empty)
    task("fills", fills())
    announce()
    await empty.get()
    await full.get()


async def join_of_what_is_never_done():
    queue = asyncio.Queue()
    queue.put_nowait(1)

    async def consumes():
        while True:
            await queue.get()

    waits("consumes", "queue get", queue)
    waits("main", "queue join", queue)
    globals()["kept"] = task("consumes", consumes())
    announce()
    await queue.join()


async def event_in_main():
    event = asyncio.Event()
    waits("main", "event", event)
    announce()
    await event.wait()


async def locks():
    lock, condition, semaphore = asyncio.Lock(), asyncio.Condition(), asyncio.BoundedSemaphore(1)
    future = asyncio.get_running_loop().create_future()
    await lock.acquire()
    await semaphore.acquire()

    async def within(manager):
        async with manager:
            pass

    async def is_told():
        async with condition:
            await condition.wait()

    async def is_told_more():
        async with condition:
            await condition.wait_for(lambda: False)

    waits("lock", "lock", lock)
    waits("condition", "condition", condition)
    waits("predicate", "condition", condition)
    waits("semaphore", "semaphore", semaphore)
    waits("main", "future", future)
    started = [task("lock", within(lock)), task("semaphore", within(semaphore))]
    started += [task("condition", is_told()), task("predicate", is_told_more())]
    if hasattr(asyncio, "Barrier"):
        barrier = asyncio.Barrier(2)
        waits("barrier", "barrier", barrier)
        started.append(task("barrier", barrier.wait()))
    announce()
    await future
    del started


async def task_group():
    queue = asyncio.Queue()
    waits("main", "tasks")
    waits("takes", "queue get", queue)
    announce()
    async with asyncio.TaskGroup() as group:
        group.create_task(queue.get(), name="takes")


async def through_shield_and_generator():
    queue = asyncio.LifoQueue()

    async def items():
        while True:
            yield await queue.get()

    async def iterates():
        async for _ in items():
            pass

    waits("iterates", "queue get", queue)
    waits("main", "tasks")
    announce()
    await asyncio.wait_for(asyncio.shield(task("iterates", iterates())), None)


async def cancelled_timer():
    asyncio.get_running_loop().call_later(3600, print).cancel()
    await event_in_main()


async def after_the_executor():
    """Its thread waits for work that nobody will give."""
    await asyncio.get_running_loop().run_in_executor(None, time.monotonic)
    await event_in_main()


async def executor_that_is_stuck():
    event = threading.Event()
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(None, event.wait)
    waits("main", "future", future)
    announce()
    await future


async def beside_faulthandler():
    with open(os.devnull, "w") as file:
        faulthandler.enable(file)
        await event_in_main()


def in_a_thread():
    """While the main thread waits for its end."""
    thread = threading.Thread(target=lambda: asyncio.run(gets_of_each_other()), daemon=True)
    thread.start()
    thread.join()


def from_another_thread():
    """Given to it by the main thread, which waits for the result."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(event_in_main(), loop).result()


def two_loops():
    """The one of the main thread has tasks, the other is merely there."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    while not loop.is_running():
        time.sleep(0.001)
    asyncio.run(event_in_main())


def beside_a_circle():
    """Tasks that wait for each other are told for themselves."""

    async def main():
        tasks = {}

        async def awaits(other):
            await asyncio.sleep(0)
            await asyncio.shield(tasks[other])

        tasks["a"] = task("a", awaits("b"))
        tasks["b"] = task("b", awaits("a"))
        await asyncio.sleep(0)
        queue = asyncio.Queue()
        waits("takes", "queue get", queue)
        globals()["kept"] = task("takes", queue.get())
        announce()
        await asyncio.gather(*tasks.values())

    asyncio.run(main())


def in_debug_mode():
    asyncio.run(put_against_get(), debug=True)


# -------------------------------------------------------------------------------------------- something can wake them


def fed_by(feeder):
    global FED_BY
    FED_BY = feeder


async def waits_for_event(event):
    waits("main", "event", event)
    announce()
    await event.wait()


async def timer():
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(3600, event.set)
    await waits_for_event(event)


async def with_timeout():
    announce()
    await asyncio.wait_for(asyncio.Queue().get(), 3600)


async def generator_that_sleeps():
    queue = asyncio.Queue()

    async def ticks():
        while True:
            await asyncio.sleep(3600)
            yield 1

    async def produces():
        async for tick in ticks():
            queue.put_nowait(tick)

    globals()["kept"] = task("produces", produces())
    waits("main", "queue get", queue)
    announce()
    await queue.get()


async def thread_that_reads():
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def reads():
        os.read(0, 1)
        loop.call_soon_threadsafe(event.set)

    fed_by(0)
    threading.Thread(target=reads, daemon=True).start()
    await waits_for_event(event)


async def thread_that_sleeps():
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def sleeps():
        time.sleep(3600)
        loop.call_soon_threadsafe(event.set)

    threading.Thread(target=sleeps, daemon=True).start()
    await waits_for_event(event)


async def thread_with_limited_wait():
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def waits_a_while():
        threading.Event().wait(3600)
        loop.call_soon_threadsafe(event.set)

    threading.Thread(target=waits_a_while, daemon=True).start()
    await waits_for_event(event)


async def reader():
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    near, far = socket.socketpair()
    loop.add_reader(near, event.set)

    def reads():
        os.read(0, 1)
        far.send(b"x")

    fed_by(0)
    threading.Thread(target=reads, daemon=True).start()
    await waits_for_event(event)


async def reader_of_what_others_write():
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(0, event.set)
    fed_by(0)
    await waits_for_event(event)


async def child_process():
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "import os; os.read(0, 1)", close_fds=True)
    fed_by(0)
    announce()
    assert await child.wait() == 0


async def executor():
    fed_by(0)
    announce()
    await asyncio.get_running_loop().run_in_executor(None, os.read, 0, 1)


async def signal_handler_of_the_loop():
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
    fed_by(signal.SIGUSR1)
    await waits_for_event(event)


async def signal_handler():
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    signal.signal(signal.SIGUSR2, lambda number, frame: loop.call_soon_threadsafe(event.set))
    fed_by(signal.SIGUSR2)
    await waits_for_event(event)


async def interrupt_handler():
    """In place of the one that asyncio.run() has set."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    signal.signal(signal.SIGINT, lambda number, frame: loop.call_soon_threadsafe(event.set))
    fed_by(signal.SIGINT)
    await waits_for_event(event)


async def interval_timer():
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    signal.signal(signal.SIGALRM, lambda number, frame: loop.call_soon_threadsafe(event.set))
    signal.setitimer(signal.ITIMER_REAL, 3600)
    fed_by(signal.SIGALRM)
    await waits_for_event(event)


async def thread_that_python_does_not_know():
    """It might call what it likes."""
    create = ctypes.CDLL(None).pthread_create
    pause = ctypes.cast(ctypes.CDLL(None).pause, ctypes.c_void_p)
    assert create(ctypes.byref(ctypes.c_ulong()), None, pause, None) == 0
    await waits_for_event(asyncio.Event())


async def busy():
    """Another task is always ready."""

    async def spins():
        while True:
            await asyncio.sleep(0)

    event = asyncio.Event()
    spinning = task("spins", spins())
    asyncio.current_task().set_name("main")
    facts = {"ready": True, "pid": os.getpid(), "thread": threading.get_native_id(), "busy": True}
    tell(dict(facts, waits=EXPECTED, fed_by=FED_BY))
    await event.wait()
    del spinning


def other_selector():
    """What is registered is in no epoll, and not told by the kernel."""
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(event_in_main())


def derived_loop():
    """Which may do anything."""

    class Loop(asyncio.SelectorEventLoop):
        pass

    Loop().run_until_complete(event_in_main())


def uvloop():
    import uvloop

    loop = uvloop.new_event_loop()
    loop.run_until_complete(event_in_main())


STUCK = [
    gets_of_each_other,
    ring_of_three,
    put_against_get,
    join_of_what_is_never_done,
    event_in_main,
    locks,
    through_shield_and_generator,
    cancelled_timer,
    after_the_executor,
    executor_that_is_stuck,
    beside_faulthandler,
    in_a_thread,
    from_another_thread,
    two_loops,
    beside_a_circle,
    in_debug_mode,
    task_group,
]
FED = [
    timer,
    with_timeout,
    generator_that_sleeps,
    thread_that_reads,
    thread_that_sleeps,
    thread_with_limited_wait,
    reader,
    reader_of_what_others_write,
    child_process,
    executor,
    signal_handler_of_the_loop,
    signal_handler,
    interrupt_handler,
    interval_timer,
    thread_that_python_does_not_know,
    busy,
    other_selector,
    derived_loop,
    uvloop,
]

if __name__ == "__main__":
    case = next(each for each in STUCK + FED if each.__name__ == sys.argv[1])
    if asyncio.iscoroutinefunction(case):
        asyncio.run(case())
    else:
        case()
    tell({"done": True})
