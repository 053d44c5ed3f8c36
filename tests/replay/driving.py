"""Prints what the captured generators of tests/programs/generators.py do when they go on. Argument: the snapshot."""

import json
import sys

import pysnap

snapshot = pysnap.load(sys.argv[1], run_code=True)
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]
finish = main.f_globals["finish"]
print(json.dumps([[name, [finish(*point) for point in points]] for name, points in main.f_locals["held"]]))
