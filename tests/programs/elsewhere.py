"""What can be asked of objects whose classes are defined elsewhere: in another module of the program, in a library.

No code of this module names what is asked. Prints that it is ready, and after a line on stdin what each of the
expressions gave, in their order.
"""

import json
import os
import statistics
import sys
import textwrap

import elsewhere_model

# Answered by what is in the snapshot, and the same in every version of Python.
ANYWHERE = """\
color.value
color.name
[member.name for member in colors]
[member.value for member in reversed(colors)]
colors["RED"] is color
sorted(colors.__members__)
len(colors), bool(colors)
level.value, level.name
access.value
marks.value
line.quantity, line.price
order.amount
order.color.name
""".splitlines()
# Answered without running code of the snapshot: by enumerations, named tuples, and what instances hold.
LOOKING = """\
str(color)
format(color)
level + 1
access
nothing
readable in access
marks
point.east, point.north
order.rate
""".splitlines()
# Answered by code of the snapshot, or of the library of the same name.
RUNNING = """\
point._asdict()
order.total
order.unit()
len(order)
colors("g")
readable | access
wrapper.wrap("the quick brown fox jumps")
type(wrapper)(width=9).fill("the quick brown fox")
normal.mean
normal + normal
normal.cdf(1.0)
""".splitlines()


def evaluate(expressions, names):
    told = []
    for expression in expressions:
        try:
            told.append(repr(eval(expression, {}, names)))
        except Exception as error:
            told.append("%s: %s" % (type(error).__name__, error))
    return told


def main():
    order = elsewhere_model.Order(5)  # noqa: F841
    colors, color = elsewhere_model.Color, elsewhere_model.Color.RED  # noqa: F841
    level = elsewhere_model.Level.HIGH  # noqa: F841
    readable = elsewhere_model.Access.READ
    access = readable | elsewhere_model.Access.WRITE
    nothing = elsewhere_model.Access(0)  # noqa: F841
    marks = elsewhere_model.Marks.A | elsewhere_model.Marks.B  # noqa: F841
    point = elsewhere_model.Point(1, 2)  # noqa: F841
    line = elsewhere_model.Line(4)  # noqa: F841
    normal = statistics.NormalDist(1, 2)  # noqa: F841
    wrapper = textwrap.TextWrapper(width=12)  # noqa: F841
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    names = dict(locals())
    told = {kind: evaluate(globals()[kind.upper()], names) for kind in ("anywhere", "looking", "running")}
    print(json.dumps(told), flush=True)
    print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    main()
