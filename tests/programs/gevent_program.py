"""A program of gevent whose greenlets wait in a pool, for a queue, an event, a lock, and for time to pass.

When the snapshot is taken the hub waits for a line on stdin, and all others wait for the hub. Then it prints where
Python itself says that they are.
"""

import gc
import json
import os
import sys

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue
import gevent.socket
import oracle
from greenlet import getcurrent, greenlet

MAIN = getcurrent()
QUEUE = gevent.queue.Queue()
EVENT = gevent.event.Event()
LOCK = gevent.lock.BoundedSemaphore()


def takes(number):
    taken = []
    while True:
        taken.append(QUEUE.get())


def sleeps(seconds):
    gevent.sleep(seconds)


def waits_for_event(name):
    EVENT.wait()
    return name


def locks():
    with LOCK:
        pass


def joins(other):
    other.join()


class Service(gevent.Greenlet):
    def __init__(self, name):
        super().__init__()
        self.service = name

    def _run(self):
        with LOCK:
            sleeps(10000)


def describe(made):
    frame = made.gr_frame
    return {
        "name": oracle.type_name(type(made)),
        "type": oracle.type_name(type(made)),
        "id": hex(id(made)),
        "state": "suspended" if made else "finished" if made.dead else "not started",
        "parent": None if made.parent is None else hex(id(made.parent)),
        # gevent's own functions are compiled by Cython and have no frames.
        "frames": [] if frame is None else oracle.describe_stack(frame, local_values=False),
    }


def main():
    pool = gevent.pool.Pool(20)
    for number in range(20):
        pool.spawn(takes, number)
    made = [gevent.spawn(sleeps, 10000), gevent.spawn(waits_for_event, "a name"), Service("first")]
    made[-1].start()
    gevent.sleep(0)
    made += [gevent.spawn(locks), gevent.spawn(joins, made[0]), gevent.spawn(len, "ends at once")]
    gevent.sleep(0)
    made.append(gevent.Greenlet(sleeps, 1))
    print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)
    gevent.socket.wait_read(0)
    os.read(0, 100)
    known = [each for each in gc.get_objects() if isinstance(each, greenlet)]
    found = [describe(each) for each in known if each not in (MAIN, gevent.get_hub())]
    hub, main_one = gevent.get_hub(), describe(MAIN)
    told = {"greenlets": found, "hub": hex(id(hub)), "main": main_one, "made": [hex(id(each)) for each in made]}
    print(json.dumps(told), flush=True)
    print(json.dumps({"done": True}), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
