"""The program that scripts/bench.py takes snapshots of; runs on every supported CPython.

  bench_target.py threads N        N threads, each 10 frames deep and blocked, and the main thread
  bench_target.py tasks N          a thread whose event loop has N suspended tasks, each 3 frames deep
  bench_target.py ints | strings | instances | nested | all       the main thread holds data

Prints "ready". For each line that comes in it answers with the longest time, in nanoseconds, for which its main thread
did not run since the line before: the thread does nothing but look at the clock.
"""

import select
import sys
import threading
import time


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def frames(depth, number, ready, stop):
    """`depth` frames with a few locals each, the innermost one blocked."""
    text = "thread %d at depth %d" % (number, depth)
    values = [depth, number, text]
    if depth > 1:
        frames(depth - 1, number, ready, stop)
    else:
        ready.release()
        stop.wait()
    return values


async def waits(depth, number, future):
    text = "task %d at depth %d" % (number, depth)
    if depth > 1:
        await waits(depth - 1, number, future)
    else:
        await future
    return text


async def start_tasks(count, ready):
    import asyncio

    future = asyncio.get_running_loop().create_future()
    tasks = [asyncio.ensure_future(waits(3, number, future)) for number in range(count)]
    while not all(task.get_stack() for task in tasks):
        await asyncio.sleep(0)
    ready.release()
    await asyncio.gather(*tasks)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


MAKERS = {
    "ints": lambda: list(range(1000, 1001000)),
    "strings": lambda: {"key number %d" % i: "value number %d" % i for i in range(100000)},
    "instances": lambda: [Point(i, float(i)) for i in range(100000)],
    "nested": lambda: nested(1000),
}


def watch_the_clock(data):
    """Answers with the longest gap since the last line; `data` is what a snapshot finds here."""
    clock = time.perf_counter_ns
    longest = 0
    last = clock()
    turn = 0
    while True:
        now = clock()
        if now - last > longest:
            longest = now - last
        last = now
        turn += 1
        if turn & 63 == 0 and select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return data
            print(longest, flush=True)
            longest = 0
            last = clock()


def deeper(depth, data):
    if depth > 1:
        return deeper(depth - 1, data)
    return watch_the_clock(data)


def main():
    sys.setrecursionlimit(5000)
    case = sys.argv[1]
    data = None
    stop = threading.Event()
    if case == "threads":
        count = int(sys.argv[2])
        ready = threading.Semaphore(0)
        for number in range(count - 1):
            threading.Thread(target=frames, args=(10, number, ready, stop), daemon=True).start()
        for _ in range(count - 1):
            ready.acquire()
    elif case == "tasks":
        import asyncio  # what it imports would be in every other case's snapshot

        ready = threading.Semaphore(0)
        threading.Thread(target=asyncio.run, args=(start_tasks(int(sys.argv[2]), ready),), daemon=True).start()
        ready.acquire()
    elif case == "all":
        data = {name: make() for name, make in MAKERS.items()}
    else:
        data = MAKERS[case]()
    print("ready", flush=True)
    deeper(9, data)
    stop.set()


if __name__ == "__main__":
    main()
