"""Asks each frame of resume_refused.py to go on; prints what it says, by function: alone, and with its callers."""

import json
import sys

import pysnap


def told(frame, whole_chain, line=None):
    try:
        result = b"given" if line is None else None
        first = frame.f_code.co_firstlineno
        resumed = pysnap.resume(frame, result, None, whole_chain, None if line is None else first + line)
    except pysnap.CodeNotRun as refused:
        return "%s: %s" % (type(refused).__name__, refused)
    return resumed.format()


def main():
    found = {}
    for run_code in (False, True):
        snapshot = pysnap.load(sys.argv[1], run_code=run_code)
        for thread in snapshot.threads:
            if thread.frames and not thread.is_main:
                names = [frame.f_code.co_name for frame in thread.frames]
                found["%s %s" % (names[0], run_code)] = [told(thread.frames[-1], True), told(thread.frames[0], False)]
                if names[0] == "in_traceback":
                    error = thread.frames[0].f_locals["kept"]
                    ended = error.__traceback__.tb_next.tb_frame
                    found["raised %s" % run_code] = told(ended, False)
                    found["lines %s" % run_code] = [told(ended, False, line) for line in (2, 5, 6, 7, 40)]
                    found["lines in chain %s" % run_code] = told(ended, True, 2)
                    found["handler %s" % run_code] = told(thread.frames[0], False, 3)
                if names[0] == "spinning":
                    found["spinning line %s" % run_code] = told(thread.frames[0], False, 4)
                if names[0] == "in_generator":
                    found["generator %s" % run_code] = told(thread.frames[-2], False)
                if names[0] == "straight":
                    found["variables %s" % run_code] = thread.frames[0].f_locals["name"]
    print(json.dumps(found))


main()
