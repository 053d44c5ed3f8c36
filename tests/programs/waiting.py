"""Threads that wait for something, each in its way; the argument says which: see CASES.

Prints what each of them waits for, by the thread's name, and ends when it is told to, whoever still waits.
"""

import asyncio
import concurrent.futures
import json
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time

EXPECTED = {}  # by the name of a thread: kind, id of the object, name of the owner
THREADS = {}


def tell(facts):
    os.write(1, json.dumps(facts).encode() + b"\n")


def start(name, function, *arguments, daemon=True):
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=daemon)
    THREADS[name] = thread
    thread.start()
    return thread


def waits(name, kind, waited_for=None, owner=None, **more):
    EXPECTED[name] = {"kind": kind, "id": waited_for and hex(id(waited_for)), "owner": owner, **more}


def are_blocked():
    """Whether all threads have stood still while we looked twice."""

    def places():
        found = []
        for thread in THREADS.values():
            with open("/proc/self/task/%d/syscall" % thread.native_id) as file:
                found.append(file.read())
        return found

    before = places()
    time.sleep(0.05)
    return before == places() and not any(place.startswith("running") for place in before)


def takes_both(first, second, barrier):
    with first:
        barrier.wait()
        with second:
            pass


def two_locks():
    one, other = threading.Lock(), threading.RLock()
    barrier = threading.Barrier(2)
    start("a", takes_both, one, other, barrier)
    start("b", takes_both, other, one, barrier)
    waits("a", "lock", other, "b")
    waits("b", "lock", one, "a")
    return [["a", "b"]]


def three_threads():
    locks = [threading.Lock() for _ in range(3)]
    barrier = threading.Barrier(3)
    for number, name in enumerate("abc"):
        start(name, takes_both, locks[number], locks[(number + 1) % 3], barrier)
        waits(name, "lock", locks[(number + 1) % 3], "abc"[(number + 1) % 3])
    return [["a", "b", "c"]]


def ended_owner():
    lock, began, ended = threading.RLock(), threading.Event(), threading.Event()

    def acquires():
        began.set()
        ended.wait()
        lock.acquire()

    # Begun before the other ends, whose ident it would get.
    start("waits", acquires)
    began.wait()
    ends = threading.Thread(target=lock.acquire)
    ends.start()
    ends.join()
    ended.set()
    waits("waits", "lock", lock, None)
    return [["waits"]]


def joins_its_waiter():
    lock = threading.Lock()
    began = threading.Event()

    def holds():
        with lock:
            began.wait()
            THREADS["wants"].join()

    def wants():
        with lock:
            pass

    start("holds", holds)
    while not lock.locked():
        time.sleep(0.001)
    start("wants", wants)
    began.set()
    waits("holds", "join", THREADS["wants"], "wants")
    waits("wants", "lock", lock, "holds")
    return [["holds", "wants"]]


def itself():
    lock = threading.Lock()

    def takes_twice():
        with lock, lock:
            pass

    start("twice", takes_twice)
    waits("twice", "lock", lock, "twice")
    return [["twice"]]


def no_deadlock():
    event, condition, semaphore = threading.Event(), threading.Condition(), threading.Semaphore(0)
    empty, future, lock = queue.Queue(), concurrent.futures.Future(), threading.Lock()
    near, far = socket.socketpair()
    plain, began = threading.Condition(threading.Lock()), threading.Event()
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    def on_condition():
        with condition:
            condition.wait()

    def held():
        with lock:
            event.wait()

    def gives_up():
        with plain:
            plain.wait()

    def takes():
        taken = plain.acquire()
        began.set()
        event.wait()
        return taken

    def wants():
        with plain:
            pass

    start("event", event.wait)
    start("condition", on_condition)
    start("semaphore", semaphore.acquire)
    start("queue", empty.get)
    start("future", future.result)
    start("sleep", time.sleep, 100000)
    start("gives up", gives_up)
    waits("gives up", "condition", plain)
    while not plain._waiters:
        time.sleep(0.001)
    start("takes", takes)
    waits("takes", "event", event)
    began.wait()
    # The one that is within `with plain` does not have its lock, and of the one that has it nothing tells.
    start("wants", wants)
    waits("wants", "lock", plain._lock)
    start("select", select.select, [near], [], [])
    start("poll", poll_for, far)
    start("reads", near.recv, 1)
    start("child", child.wait)
    start("holds", held)
    while not lock.locked():
        time.sleep(0.001)
    start("limited", lambda: lock.acquire(timeout=10000))
    start("joins", THREADS["holds"].join, daemon=True)
    waits("event", "event", event)
    waits("condition", "condition", condition)
    waits("semaphore", "semaphore", semaphore)
    waits("queue", "queue", empty)
    waits("future", "future", future)
    waits("sleep", "sleep")
    waits("select", "files", fds=[near.fileno()])
    waits("poll", "files", fds=[far.fileno()])
    waits("reads", "files", fds=[near.fileno()])
    waits("child", "process", child)
    waits("holds", "event", event)
    waits("limited", "lock", lock, "holds")
    waits("joins", "join", THREADS["holds"], "holds")
    globals()["kept"] = near, far, child
    return []


def wants_the_gil():
    """Three threads that compute: one of them has it."""

    def computes():
        while True:
            sum(range(1000))

    for name in "abc":
        start(name, computes)
    return []


def poll_for(file):
    poll = select.poll()
    poll.register(file, select.POLLIN)
    poll.poll()


def tasks_in_a_circle():
    async def main():
        tasks = {}

        async def waits_for(other):
            await asyncio.sleep(0)
            await asyncio.shield(tasks[other])

        for name, other in ("first", "second"), ("second", "third"), ("third", "first"):
            tasks[name] = asyncio.ensure_future(waits_for(other))
            tasks[name].set_name(name)
        await asyncio.sleep(0.01)
        began.set()
        await asyncio.gather(*tasks.values())

    began = threading.Event()
    start("loop", lambda: asyncio.run(main()))
    began.wait()
    return [["first", "second", "third"]]


CASES = {
    case.__name__: case
    for case in (
        two_locks,
        three_threads,
        ended_owner,
        joins_its_waiter,
        itself,
        no_deadlock,
        tasks_in_a_circle,
        wants_the_gil,
    )
}

if __name__ == "__main__":
    deadlocks = CASES[sys.argv[1]]()
    while EXPECTED and not are_blocked():
        time.sleep(0.01)
    tell({"ready": True, "pid": os.getpid()})
    sys.stdin.readline()
    tell({"waits": EXPECTED, "deadlocks": deadlocks})
    tell({"done": []})
    if "kept" in globals():
        kept[2].kill()  # noqa: F821
    os._exit(0)
