"""Threads inside subinterpreters. The program tells what they run: sys._current_frames() sees one interpreter."""

import os
import sys
import threading

import oracle
from oracle import park

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

suite = oracle.Suite()
SOURCE = """
import os, sys
def in_subinterpreter(argument):
    local = [argument, "подынтерпретатор", 2**70]
    os.write(%d, b"p")
    os.read(%d, 1)
    return local
in_subinterpreter(%d)
"""
told_read, told_write = os.pipe()
gate_read, gate_write = os.pipe()
created = []


def run(number):
    identity = interpreters.create()
    created.append(int(identity))
    source = SOURCE % (told_write, gate_read, number)
    if hasattr(interpreters, "exec"):
        interpreters.exec(identity, source)
    else:
        interpreters.run_string(identity, source)


@suite.shape
def in_main_interpreter():
    local = "main interpreter"
    park()
    return local


def start():
    for number in range(2):
        thread = threading.Thread(target=run, args=(number,), name="sub %d" % number, daemon=True)
        thread.start()
        os.read(told_read, 1)
        while oracle._system_call(thread.native_id) and oracle._system_call(thread.native_id)[0] != "0":
            pass
        suite.threads.append(thread)


suite.threads = []
suite.after(
    "subinterpreters",
    lambda: [
        {"native_id": thread.native_id, "interpreter": identity, "argument": number}
        for number, (thread, identity) in enumerate(zip(suite.threads, created))
    ],
)


def release():
    if (3, 12) <= sys.version_info < (3, 14):
        return  # ending two at once corrupts the heap of 3.12.1 and 3.13.0 themselves: they end with the process
    os.close(gate_write)
    for thread in suite.threads:
        thread.join(60)
        assert not thread.is_alive()


suite.on_release(release)

if __name__ == "__main__":
    sys.setswitchinterval(0.005)
    start()
    suite.main()
