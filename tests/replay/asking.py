"""Prints what the expressions of tests/programs/callables.py give in its captured frame. Argument: the snapshot."""

import json
import sys

import pysnap

snapshot = pysnap.load(sys.argv[1], run_code=True)
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]
names = main.f_globals
expressions = [*names["EXPRESSIONS"], names["BEYOND"]]
print(json.dumps(names["evaluate"](expressions, dict(main.f_locals))))
