"""Run by an interpreter of the matrix with pysnap on its path: stacks of a replayed contexts.py, with hooks.

extracting.py FILE
"""

import json
import os
import sys
import traceback

import pysnap


@pysnap.unwrap_stackitem.register("__main__.Wrapped")
def unwrap(item):
    return item.inner


@pysnap.elaborate_context.register("__main__.Manager")
def elaborate(manager, context):
    context.description = "managed: %s" % context.varname


def relabel(frame):
    frame.funcname += "!"


pysnap.customize("__main__", "Turn.__await__", label="turn", elaborate=relabel)
pysnap.customize("threading", "Thread._bootstrap", hide=True)


def names(stack, **options):
    return [frame.funcname.rpartition(".")[2] for frame in stack.shown(**options)]


def main():
    snapshot = pysnap.load(sys.argv[1])
    thread = snapshot.find_thread("holds")
    holds = next(frame for frame in thread.frames if frame.f_code.co_name == "holds")
    held = holds.f_locals
    wrapped = snapshot.extract(held["wrapped"])
    one = snapshot.extract(held["suspended"])
    summary = wrapped.as_stdlib_summary(show_hidden=True)
    handled = snapshot.extract(snapshot.find_thread("has_handled").handling)
    print_list = traceback.format_list(summary)
    facts = {
        "wrapped": names(wrapped, show_hidden=True),
        "wrapped shown": names(wrapped),
        "contexts": [[context.description for context in frame.contexts] for frame in wrapped.frames],
        "leaf": wrapped.leaf is not None,
        "suspended": names(one),
        "described": [context.description for context in one.frames[0].contexts],
        "thread": names(snapshot.extract(thread)),
        "by frame": names(snapshot.extract(thread.frame)),
        "handled": [[frame.funcname, frame.lineno] for frame in handled.frames],
        "summary": [[entry.name, entry.lineno, entry.line] for entry in summary],
        "lists": len(print_list) == len(summary),
        "text": str(wrapped),
    }
    os.write(1, json.dumps(facts).encode())


if __name__ == "__main__":
    main()
