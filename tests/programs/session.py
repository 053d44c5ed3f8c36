"""What a debugger's user does with frames: run in the live program and on its replay, the output must be the same.

Imports nothing of either side; runs on CPython 3.8 and later.
"""

import inspect
import io
import linecache
import pdb
import re
import traceback

SCRIPT = """\
where
args
up
args
ll
up
list
whatis len
p __name__
down
down
pp sorted(k for k in locals() if not k.startswith('_'))
!fresh_name = 5
"""


def masked(text):
    return re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)


def pdb_output(frame, commands, error=None):
    """What pdb prints for `commands` in `frame` (or post mortem of `error`)."""
    output = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO(commands), stdout=output, nosigint=True, readrc=False)
    debugger.use_rawinput = False
    debugger.prompt = "(Pdb) "
    debugger.reset()
    if error is None:
        debugger.interaction(frame, None)
    else:
        debugger.interaction(None, error.__traceback__)
    return masked(output.getvalue())


def frame_infos(frame):
    infos = []
    while frame is not None:
        info = inspect.getframeinfo(frame, context=3)
        positions = getattr(info, "positions", None)
        infos.append(
            [info.filename, info.lineno, info.function, info.code_context, info.index, positions and list(positions)]
        )
        frame = frame.f_back
    return infos


def argument_texts(frame):
    texts = []
    while frame is not None:
        values = inspect.getargvalues(frame)
        texts.append([values.args, values.varargs, values.keywords])
        frame = frame.f_back
    return texts


def session(frame, commands=SCRIPT):
    """Everything about the stack that ends in `frame`."""
    linecache.checkcache()
    return {
        "format_stack": [masked(line) for line in traceback.format_stack(frame)],
        "summary": [[entry.filename, entry.lineno, entry.name, entry.line] for entry in traceback.extract_stack(frame)],
        "frame_infos": frame_infos(frame),
        "arguments": argument_texts(frame),
        "pdb": pdb_output(frame, commands),
    }


def exception_session(error, commands="where\nargs\nll\nup\nargs\nll\n"):
    """Everything about an exception with its traceback."""
    inner = inspect.getinnerframes(error.__traceback__, context=3)
    return {
        "format": [masked(text) for text in traceback.format_exception(type(error), error, error.__traceback__)],
        "inner_frames": [
            [info.filename, info.lineno, info.function, info.code_context, list(getattr(info, "positions", None) or ())]
            for info in inner
        ],
        "pdb": pdb_output(None, commands, error),
    }
