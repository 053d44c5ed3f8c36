"""Calls that cannot be let go on, each blocked in a thread of its own."""

import _thread
import json
import os
import sys
import zlib

reading, writing = os.pipe()
entered = []


def block(value=None):
    return os.read(reading, 1)


def in_sorted():
    return sorted([2, 1], key=block)


class Made:
    def __init__(self):
        block()


def in_class():
    made = [Made(), 1]
    return [type(made[0]).__name__, made[1]]


def yields():
    yield block()
    yield "next"


def in_list():
    return list(yields())


def in_generator():
    return [value for value in yields()]


class Setting:
    def __setattr__(self, name, value):
        block()


def in_assignment():
    Setting().name = 1


def with_absent():
    return [zlib.compressobj(), block()]


def spinning():
    entered.append(True)
    while entered:
        pass
    return "spun"


def raising():
    kept = []
    for item in (1, 2):
        if item == 2:
            raise ValueError("over")
        kept.append(item)
    later = "later"
    return [kept, later]


def in_traceback():
    try:
        raising()
    except ValueError as error:
        kept = error
        return [kept, block()]


def straight():
    name = "one"
    return ["got", name, block()]


BLOCKED = [in_sorted, in_class, in_list, in_generator, in_assignment, with_absent, in_traceback, straight]


def in_the_pipe():
    found = 0
    for task in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/syscall" % task) as file:
            call = file.read().split()
        found += call[0] == "0" and int(call[1], 16) == reading
    return found


for function in BLOCKED:
    _thread.start_new_thread(function, ())
while in_the_pipe() < len(BLOCKED):
    os.sched_yield()
_thread.start_new_thread(spinning, ())
while not entered:
    os.sched_yield()
print(json.dumps({"pid": os.getpid()}), flush=True)
sys.stdin.readline()
print(json.dumps({}), flush=True)
print(json.dumps({"done": True}), flush=True)
os._exit(0)
