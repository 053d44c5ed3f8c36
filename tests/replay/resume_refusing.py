"""Asks each frame of resume_refused.py to go on; prints what it says, by function: alone, and with its callers."""

import json
import sys

import pysnap


def told(frame, whole_chain):
    try:
        resumed = pysnap.resume(frame, b"given", whole_chain=whole_chain)
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
                    found["raised %s" % run_code] = told(error.__traceback__.tb_next.tb_frame, False)
                if names[0] == "in_generator":
                    found["generator %s" % run_code] = told(thread.frames[-2], False)
                if names[0] == "straight":
                    found["variables %s" % run_code] = thread.frames[0].f_locals["name"]
    print(json.dumps(found))


main()
