"""Lets frames of resumed_shapes.py go on over and over in this process; prints how memory and references grow.

resume_repeated.py FILE COUNT
"""

import gc
import json
import sys

import pysnap
from pysnap import _resume

SHAPES = ("loops", "exceptions", "nested_calls", "comprehensions", "returns_from_with")


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def lists_of(frame):
    """The lists that the functions add to, with how many items they have."""
    while frame is not None:
        yield from ((value, len(value)) for value in frame.f_locals.values() if type(value) is list)
        frame = frame.f_back


def go_on(plans):
    for frame, enter, raises in plans:
        lists = list(lists_of(frame))
        exception = enter.f_globals["Resumed"]("here") if raises else None
        _resume.run_here(_resume.plan(frame, whole_chain=True), b"", exception)
        for items, length in lists:
            del items[length:]


def main():
    snapshot = pysnap.load(sys.argv[1], run_code=True)
    plans = []
    for thread in snapshot.threads:
        entered = thread.frames[0] if thread.frames else None
        if entered is None or entered.f_code.co_name != "enter":
            continue
        if entered.f_locals["shape"].__name__ in SHAPES and entered.f_locals["stop"] in (1, 4):
            plans += [(thread.frame, entered, False), (thread.frame, entered, True)]
    assert len(plans) > 6
    count = max(int(sys.argv[2]) // len(plans), 10)
    total = getattr(sys, "gettotalrefcount", lambda: 0)
    for _ in range(10):
        go_on(plans)
    gc.collect()
    before = len(gc.get_objects()), total(), resident()
    for _ in range(count):
        go_on(plans)
    gc.collect()
    after = len(gc.get_objects()), total(), resident()
    print(json.dumps([count * len(plans), *(have - had for have, had in zip(after, before))]))


main()
