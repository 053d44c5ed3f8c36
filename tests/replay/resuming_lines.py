"""Lets every blocked function of resumed_lines.py go on from each of its lines; prints what it came to, as the program
itself tells it for the debugger's jumps.

resuming_lines.py FILE
"""

import ast
import json
import sys

import pysnap


def main():
    snapshot = pysnap.load(sys.argv[1], run_code=True)
    told = {}
    for thread in snapshot.threads:
        entered = thread.frames[0] if thread.frames else None
        if entered is None or entered.f_code.co_name != "enter":
            continue
        shape = thread.frames[1]
        stop = entered.f_locals["stop"]
        first = shape.f_code.co_firstlineno
        for line in range(1, int(sys.argv[2]) + 1):
            key = "%s %d %d" % (shape.f_code.co_name, stop, line)
            try:
                resumed = pysnap.resume(shape, whole_chain=True, line=first + line)
            except pysnap.CannotResume as refused:
                told[key] = "refused: %s" % refused
                continue
            if resumed.result is None:
                told[key] = resumed.format()
                continue
            value, calls, _ = ast.literal_eval(resumed.result)
            # The call that it was blocked in, which the debugger has not come to.
            del calls[stop - 1]
            told[key] = [value, calls]
    print(json.dumps(told))


main()
