"""Calls the functions that failed in tests/programs/failing.py again, and prints how it went. Argument: a snapshot."""

import json
import sys

import pysnap

snapshot = pysnap.load(sys.argv[1], run_code=True)
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]


def innermost(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


told = {}
for name, error in main.f_locals["errors"].items():
    frame = innermost(error).tb_frame
    try:
        outcome = pysnap.rerun(frame)
    except pysnap.CodeNotRun as refusal:
        # Up to Python 3.11 a comprehension is a function of its own.
        assert frame.f_code.co_name == "<listcomp>" and "has consumed" in str(refusal), refusal
        outcome = pysnap.rerun(frame.f_back)
    again = outcome.exception
    if again is None:
        told[name] = ["no exception", outcome.result, outcome.name]
    else:
        trace = innermost(again)
        text = "%s: %s" % (type(again).__name__, again)
        told[name] = [text, trace.tb_lineno, trace.tb_frame.f_code.co_name]
print(json.dumps(told))
