"""Lets every blocked frame of resumed_shapes.py go on; prints what it came to, by shape and call.

resuming.py FILE [control]: with `control` one entry of the shape's stack is another one than it was.
"""

import ast
import json
import sys
from unittest import mock

import pysnap
from pysnap import _resume


def plan_of(thread, control):
    planned = _resume.plan(thread.frame, whole_chain=True)
    assert planned[-1].frame is thread.frames[0]
    if control:
        shape = planned[-2]
        places = [place for place, item in enumerate(shape.stack) if isinstance(item, tuple)]
        if not places:
            return None
        shape.stack = list(shape.stack)
        shape.stack[places[-1]] = (NotImplemented,)
        shape.within_its_place()
    return planned


def outcomes(thread, control):
    """For a call that returns, and for one that raises."""
    exception = next(value for name, value in thread.frames[0].f_globals.items() if name == "Resumed")
    found = []
    for result, error in ((b"", None), (None, exception("here"))):
        try:
            planned = plan_of(thread, control)
        except pysnap.CannotResume as refused:
            found.append("refused: %s" % refused)
            continue
        if planned is None:
            found.append("nothing to change")
            continue
        with mock.patch.object(_resume, "plan", return_value=planned):
            resumed = pysnap.resume(thread.frame, result, error, whole_chain=True)
        found.append(ast.literal_eval(resumed.result) if resumed.result is not None else repr(resumed))
    return found


def main():
    snapshot = pysnap.load(sys.argv[1], run_code=True)
    control = sys.argv[2:] == ["control"]
    told = {}
    for thread in snapshot.threads:
        entered = thread.frames[0] if thread.frames else None
        if entered is None or entered.f_code.co_name != "enter":
            continue
        key = "%s %d" % (entered.f_locals["shape"].__name__, entered.f_locals["stop"])
        told[key] = outcomes(thread, control)
    print(json.dumps(told))


main()
