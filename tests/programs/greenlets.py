"""Greenlets of several threads, in every state, with stacks over one another; `greenlets` is what they say themselves.

Of those called `asked` the frames have been asked for before, from 3.12 on a change to how they are linked.
"""

import contextlib
import sys
import threading
import traceback

import oracle
from greenlet import getcurrent, greenlet

suite = oracle.Suite()

# Name, greenlet, native id of the thread that it belongs to (None: none yet, or none that can be told).
GREENLETS = []
# By the id of a greenlet, the functions that it is in when it goes back to its parent, the outermost first.
STACKS = {}
# The main greenlet of a thread that has ended, and one that it has left suspended.
OF_ENDED_THREAD = []
# By function, the names behind `as` of the with statements that it is inside of.
CONTEXTS = {"in_blocks": ["opened", "self_made"]}


def note(name, made, thread=True):
    GREENLETS.append((name, made, threading.get_native_id() if thread else None))
    return made


def note_main():
    current = getcurrent()
    assert current.parent is None
    note("main of " + threading.current_thread().name, current)


def started(name, function, *arguments, **options):
    """One that is suspended where the function switches to its parent."""
    made = note(name, greenlet(function, **options))
    made.switch(*arguments)
    assert made and not made.dead
    return made


def back(value=None):
    STACKS[hex(id(getcurrent()))] = [frame.f_code.co_name for frame, _ in traceback.walk_stack(sys._getframe())][::-1]
    return getcurrent().parent.switch(value)


def waits(argument):
    inside = [argument, "a local"]
    back()
    return inside


def calls(argument):
    doubled = argument * 2
    return waits(doubled)


@contextlib.contextmanager
def opens(name):
    try:
        yield name
    finally:
        name = None


def in_blocks():
    with opens("first") as opened, contextlib.ExitStack() as self_made:
        back()
    return opened, self_made


def generates():
    for number in range(3):
        yield number
        back()


def in_generator():
    return [number for number in generates()]


class Awaitable:
    def __await__(self):
        back()
        yield


async def awaits(argument):
    await Awaitable()
    return argument


def in_coroutine():
    coroutine = awaits("through a coroutine")
    coroutine.send(None)


def in_except_clause():
    try:
        raise LookupError("handled by a greenlet")
    except LookupError as error:
        back(error)


def in_generator_in_except_clause():
    def raises():
        try:
            raise KeyError("handled by a generator")
        except KeyError:
            yield back()

    return list(raises())


def raises_at_once():
    raise ValueError("ends it")


class Derived(greenlet):
    def __init__(self, label):
        super().__init__()
        self.label = label

    def run(self):
        back()


class WithSlots(greenlet):
    __slots__ = ("label",)


def in_c(depth, at_the_end):
    """As deep in C: each step is a call of the evaluation loop from C."""
    if depth:
        return list(map(in_c, [depth - 1], [at_the_end]))
    return at_the_end()


def turns(depth, rounds):
    for left in range(rounds, 0, -1):
        in_c(depth + left, back)
    return in_c(depth, back)


def ends():
    left = greenlet(calls)
    OF_ENDED_THREAD.extend([getcurrent(), left])
    left.switch("left behind")


@suite.shape
def every_state():
    thread = threading.Thread(target=ends)
    thread.start()
    thread.join()
    note_main()
    note("not started", greenlet(waits))
    note("not started, derived", Derived("never"))
    note("not started, of a builtin function", greenlet(len, parent=GREENLETS[-1][1]))
    note("finished", greenlet(lambda: 1), thread=True).switch()
    with contextlib.suppress(ValueError):
        note("finished by an exception", greenlet(raises_at_once)).switch()
    started("suspended", calls, 21)
    asked = started("asked", calls, 22)
    assert asked.gr_frame.f_code is back.__code__
    derived = note("derived", Derived("a label"))
    derived.switch()
    slots = note("with slots", WithSlots(waits))
    slots.label = "in a slot"
    slots.switch(3)
    for function in (in_blocks, in_generator, in_coroutine, in_except_clause, in_generator_in_except_clause):
        started(function.__name__, function)
    # It has no frame of Python's, and is no more running than the others.
    note("in C alone", greenlet(getcurrent().switch)).switch()
    running = note("running", greenlet(oracle.park))
    assert running.switch()


@suite.shape
def over_one_another():
    """Each starts where the others have their stacks, at other depths, so that parts of them are moved away."""
    note_main()
    made = [started("deep %d" % depth, turns, depth, 3) for depth in range(1, 30, 4)]
    for _ in range(2):
        for each in made[::-1]:
            each.switch()

    def at_the_bottom():
        inner = [started("from the bottom %d" % depth, in_c, depth, back) for depth in (0, 7, 20)]
        assert inner[1].gr_frame is not None
        inner[0].parent.parent.switch()

    outer = note("outer", greenlet(lambda: in_c(12, at_the_bottom)))
    outer.switch()
    in_c(15, lambda: started("last", in_c, 9, back))
    in_c(15, oracle.park)


@suite.shape
def alone():
    """It has asked for its greenlet, and has no other."""
    GREENLETS.append(("of one that has no other", getcurrent(), None))
    oracle.park()


def describe(name, made, native_id):
    frame = made.gr_frame
    running = frame is None and bool(made) and name != "in C alone"
    return {
        "name": name,
        "id": hex(id(made)),
        "state": ("running" if running else "suspended" if made else "finished" if made.dead else "not started"),
        "parent": None if made.parent is None else hex(id(made.parent)),
        "native_id": native_id,
        "type": oracle.type_name(type(made)),
        "frames": [] if frame is None else oracle.describe_stack(frame),
        "asked": name == "asked",
    }


def describe_all():
    return {
        "greenlets": [describe(*each) for each in GREENLETS],
        "contexts": CONTEXTS,
        "stacks": STACKS,
        "of_ended_thread": [hex(id(each)) for each in OF_ENDED_THREAD],
        "unstarted": oracle.safe_repr(waits)[0],
    }


if __name__ == "__main__":
    note_main()
    started("of the main thread", calls, 1)
    suite.after("greenlets", describe_all)
    suite.main()
    sys.exit(1)
