"""Prints what the expressions of tests/programs/callables.py give in its captured frame. Argument: the snapshot."""

import gc
import json
import sys
import weakref

import pysnap

snapshot = pysnap.load(sys.argv[1], run_code=True)
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]
names = main.f_globals
expressions = [*names["EXPRESSIONS"], names["BEYOND"]]
print(json.dumps(names["evaluate"](expressions, dict(main.f_locals))))
# What running code has made runs its __del__ when it goes; what was captured does not.
deleted = names["Deleted"]
deleted("new")
captured = weakref.ref(main.f_locals["kept"])
del snapshot, main, names
gc.collect()
assert captured() is None
assert deleted.gone == ["new"], deleted.gone
