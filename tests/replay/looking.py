"""Looks at all that tests/programs/dunders.py holds, in every way there is, and lets it go. Argument: the snapshot."""

import contextlib
import gc
import io
import pprint
import reprlib
import sys
import traceback

import pysnap

snapshot = pysnap.load(sys.argv[1])
for thread in snapshot.threads:
    traceback.print_stack(thread.frame, file=io.StringIO())
    str(snapshot.extract(thread))
    for frame in thread.frames:
        snapshot.contexts(frame)
        traceback.format_stack(frame)
        for value in frame.f_locals.values():
            assert repr(value)
            assert reprlib.repr(value)
            with contextlib.suppress(pysnap.CodeNotRun):  # what asks a method refuses
                pprint.pformat(value)
            assert type(value) is not None and callable(value) in (True, False)
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]
objects = main.f_locals["objects"]
assert len(objects) == 14
for one in objects:
    assert repr(one)
    object.__repr__(one)
    assert len(type.__dict__["__mro__"].__get__(type(one))) > 1
    vars(one) if hasattr(type(one), "__dict__") and hasattr(one, "__dict__") else None
assert objects[0] is main.f_locals["kept"] is main.f_locals["loud_local"]
error = objects[6]
with contextlib.suppress(pysnap.CodeNotRun):
    traceback.format_exception(type(error), error, error.__traceback__)
snapshot.extract(objects[7])
del snapshot, thread, frame, value, main, objects, one, error
gc.collect()
print("looked")
