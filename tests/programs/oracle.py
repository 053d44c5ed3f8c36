"""What a test program says about itself: the truth that a snapshot of it is compared with.

A program builds a `Suite`, gives it shapes (functions that end in `park()`) and calls `suite.main()`. Each shape runs
in a thread of its own and blocks in `park()`. When all of them are blocked the program prints one line,
`{"ready": true, ...}`, and waits for a line on stdin. Whoever drives it takes the snapshot then, and nothing has
touched the frames before: no f_locals, no repr, no __dict__ was asked for. After that line the program describes every
thread's frames and locals as Python itself sees them (the oracle), prints that as one line of JSON, lets the shapes go
on, checks their results, and exits with 0 only if each ended as it should.

`--oracle-first` asks for everything before the snapshot as well: frame objects, __dict__s and f_locals then exist.
`suite.after(name, function)` runs `function` before the release; its result is printed under "after".

Runs on CPython 3.8 and later, with the standard library only. Also imported by the replay tests, which describe rebuilt
frames with the same functions.
"""

import array
import builtins
import collections
import datetime
import decimal
import fractions
import functools
import io
import itertools
import json
import os
import pathlib
import re
import socket
import sys
import threading
import time
import types
import typing
import uuid
import weakref

_GATE_READ, _GATE_WRITE = os.pipe()
_lock = threading.Lock()
_arrived = {}  # ident -> the exception being handled when the thread arrived
_reprs = {}  # id -> (object, repr): where Python's own repr cannot be asked for (recursion limits)

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

# Types whose values must be decoded, not merely named.
REQUIRED = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    tuple,
    list,
    dict,
    set,
    frozenset,
    range,
    slice,
    type(Ellipsis),
    type(NotImplemented),
    types.ModuleType,
    type,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    type((lambda cell: lambda: cell)(0).__closure__[0]),
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    decimal.Decimal,
    array.array,
    enumerate,
    filter,
    io.BytesIO,
    itertools.chain,
    itertools.count,
    itertools.islice,
    itertools.repeat,
    map,
    memoryview,
    re.Pattern,
    reversed,
    type(iter([])),
    type(iter(())),
    type(iter(b"")),
    type(iter(range(0))),
    type(iter({})),
    type(iter({}.items())),
    type(iter({}.values())),
    type(threading.Lock()),
    zip,
)

# Classes written in Python whose repr() is told where it can be.
LIBRARY = (
    collections.ChainMap,
    collections.Counter,
    collections.UserDict,
    collections.UserList,
    collections.UserString,
    fractions.Fraction,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    socket.socket,
    threading.Barrier,
    threading.BoundedSemaphore,
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Thread,
    type(typing.List[int]),
    typing.TypeVar,
    uuid.UUID,
    weakref.ReferenceType,
    weakref.ProxyType,
    weakref.WeakKeyDictionary,
    weakref.WeakSet,
    weakref.WeakValueDictionary,
    type(os.__spec__),
)


def park():
    """Blocks the calling thread until the program is told to end; returns True."""
    _arrived[threading.get_ident()] = sys.exc_info()[1]
    os.read(_GATE_READ, 1)
    return True


def park_with(*args, **kwargs):
    """park() as a callback: takes anything, gives back its first argument."""
    park()
    return args[0] if args else None


def arrive():
    """For a thread that blocks somewhere else than in park(): it is about to."""
    _arrived[threading.get_ident()] = sys.exc_info()[1]


def expect_repr(value, text):
    """The repr of `value` is `text`; do not ask Python for it."""
    _reprs[id(value)] = (value, text)
    return value


# ---------------------------------------------------------------------------------------------------- describing


def module_of(cls):
    try:
        return type.__dict__["__module__"].__get__(cls)
    except AttributeError:
        return None


def type_name(cls):
    module = module_of(cls)
    name = type.__dict__["__qualname__"].__get__(cls)
    return name if module == "builtins" or not isinstance(module, str) else module + "." + name


def has_python_repr(cls):
    """True if repr() of an instance would run Python code: a snapshot shows object.__repr__ then."""
    for base in cls.__mro__:
        if "__repr__" in base.__dict__:
            return not isinstance(base.__dict__["__repr__"], types.WrapperDescriptorType)
    return False


def is_user_class(cls):
    module = module_of(cls)
    standard = isinstance(module, str) and module.split(".")[0] in _STDLIB
    return bool(cls.__flags__ & (1 << 9)) and not standard


def standard_modules():
    """sys.stdlib_module_names, which 3.8 and 3.9 do not have yet: there, what lies in the library's folders."""
    names = set(getattr(sys, "stdlib_module_names", ()))
    if not names:
        names.update(sys.builtin_module_names, ("_frozen_importlib", "_frozen_importlib_external"))
        library = os.path.dirname(os.__file__)
        for folder in (library, os.path.join(library, "lib-dynload")):
            if os.path.isdir(folder):
                names.update(entry.split(".")[0] for entry in os.listdir(folder))
    return frozenset(names - {"__main__"})


_STDLIB = standard_modules()


def is_required(cls):
    if cls in REQUIRED:
        return True
    if issubclass(cls, BaseException):
        return True
    if not is_user_class(cls):
        return False
    for base in cls.__mro__[1:]:
        if base is object or is_user_class(base) or base in REQUIRED:
            continue
        return False
    return True


def safe_repr(value, active=()):
    """(repr, whether every part of it is of a required type), as the contract wants it.

    Instances of a program's classes are told as object.__repr__() does; nothing of the program runs.
    """
    if id(value) in _reprs:
        return _reprs[id(value)][1], True
    cls = type(value)
    required = is_required(cls)
    if issubclass(cls, type):
        return (type.__repr__(value) if is_user_class(cls) else repr(value)), required
    if cls in LIBRARY:
        return repr(value), False
    if is_user_class(cls) or has_python_repr(cls):
        return object.__repr__(value), required
    if value is builtins.__dict__:
        return "{<builtins>}", required  # only what the captured code names of it is in a snapshot
    if id(value) in active:
        for base, dots in ((list, "[...]"), (tuple, "(...)"), (dict, "{...}")):
            if issubclass(cls, base):
                return dots, required
        return "%s(...)" % cls.__name__, required
    if _all_plain(cls, value):
        return repr(value), required
    inner = tuple(active) + (id(value),)
    parts = []

    def part(item):
        text, fine = safe_repr(item, inner)
        parts.append(fine)
        return text

    if cls is types.MethodType:
        name = getattr(value.__func__, "__qualname__", None) or value.__func__.__name__
        text = f"<bound method {name} of {part(value.__self__)}>"
    elif cls.__repr__ is list.__repr__:
        text = "[" + ", ".join([part(item) for item in list.__iter__(value)]) + "]"
    elif cls.__repr__ is tuple.__repr__:
        items = [part(item) for item in tuple.__iter__(value)]
        text = "(" + ", ".join(items) + (",)" if len(items) == 1 else ")")
    elif cls.__repr__ is dict.__repr__:
        text = "{" + ", ".join([part(key) + ": " + part(item) for key, item in dict.items(value)]) + "}"
    elif cls.__repr__ in (set.__repr__, frozenset.__repr__):
        kind = set if issubclass(cls, set) else frozenset
        items = [part(item) for item in kind.__iter__(value)]
        if not items:
            text = cls.__name__ + "()"
        elif cls is set:
            text = "{" + ", ".join(items) + "}"
        else:
            text = cls.__name__ + "({" + ", ".join(items) + "})"
    else:
        text = repr(value)
    return text, required and all(parts)


_PLAIN = frozenset([type(None), bool, int, float, str, bytes])


def _all_plain(cls, value):
    """Whether `value` is an ordinary container of ordinary scalars: the quick way for a large one."""
    if cls in (list, tuple, set, frozenset):
        return _PLAIN.issuperset(map(type, value))
    return cls is dict and _PLAIN.issuperset(map(type, value)) and _PLAIN.issuperset(map(type, value.values()))


def contents_repr(value):
    """Of an instance of a program's subclass of a builtin type: how the builtin inside looks; else None."""
    cls = type(value)
    if not is_user_class(cls) or issubclass(cls, type):
        return None
    for base in cls.__mro__:
        if base in (list, tuple, dict, set, frozenset):
            items = dict.items(value) if base is dict else base.__iter__(value)
            return safe_repr(base(items))[0]
        if base in (int, float, str, bytes, BaseException):
            return base.__repr__(value)
        if base is bytearray:
            return repr(bytearray(value))
    return None


def is_unordered(value, depth=0):
    """Whether a set decides the order of something in the repr: rebuilt, it may be another."""
    if issubclass(type(value), (set, frozenset)):
        return True
    if depth > 5 or type(value) not in (list, tuple, dict):
        return False
    if len(value) > 1000:
        return False
    if type(value) is dict:
        return any(is_unordered(item, depth + 1) for pair in value.items() for item in pair)
    return any(is_unordered(item, depth + 1) for item in value)


def instance_attributes(value):
    """Attribute -> value of an instance: its __dict__ and the slots of its classes; None for what has neither."""
    cls = type(value)
    found = {}
    any_place = False
    for base in cls.__mro__:
        if not is_user_class(base):
            continue
        for name, member in base.__dict__.items():
            if isinstance(member, types.MemberDescriptorType):
                any_place = True
                try:
                    found.setdefault(name, member.__get__(value, cls))
                except AttributeError:
                    pass
    if cls.__dictoffset__ and not issubclass(cls, type):
        any_place = True
        try:
            namespace = object.__getattribute__(value, "__dict__")
        except AttributeError:
            namespace = {}
        for name, item in dict.items(namespace):
            if isinstance(name, str):
                found[name] = item
    return found if any_place else None


def describe_value(value, attributes=1):
    text, required = safe_repr(value)
    described = {
        "type": type_name(type(value)),
        "repr": text,
        "id": hex(id(value)),
        "required": required,
        "contents": contents_repr(value),
        "unordered": is_unordered(value),
        "attributes": None,
    }
    if issubclass(type(value), (str, bytes, bytearray, tuple, list, dict, set, frozenset)):  # not isinstance: __class__
        described["length"] = next(base for base in type(value).__mro__ if base in REQUIRED).__len__(value)
    if attributes and is_user_class(type(value)):
        found = instance_attributes(value)
        if found is not None:
            described["attributes"] = {name: describe_value(item, attributes - 1) for name, item in found.items()}
    return described


def describe_frame(frame, local_values=True):
    code = frame.f_code
    described = {
        "function": code.co_name,
        "qualname": getattr(code, "co_qualname", code.co_name),
        "file": code.co_filename,
        "module": frame.f_globals.get("__name__"),
        "line": frame.f_lineno,
        "lasti": frame.f_lasti,
        "end_line": None,
        "column": None,
        "end_column": None,
        "optimized": bool(code.co_flags & 1),
    }
    described.update(describe_position(code, frame.f_lasti))
    if local_values:
        namespace = frame.f_locals
        described["locals"] = [[name, describe_value(namespace[name])] for name in list(namespace)]
        described["names"] = list(code.co_names)
        described["free"] = list(code.co_freevars)
        described["hidden"] = sorted(hidden_names(code))
    return described


def hidden_names(code):
    """Names that comprehensions inlined into `code` (3.12 and later) keep in its fast locals."""
    if code.co_flags & 1:
        return set()
    return set(code.co_varnames) | set(code.co_cellvars)


@functools.lru_cache(maxsize=None)
def describe_position(code, lasti):
    if not hasattr(code, "co_positions") or lasti < 0:
        return {}
    for index, position in enumerate(code.co_positions()):
        if index == lasti // 2:
            return {"end_line": position[1], "column": position[2], "end_column": position[3]}
    return {}


def describe_stack(frame, local_values=True):
    """Frames from the outermost to `frame`."""
    frames = []
    while frame is not None:
        frames.append(describe_frame(frame, local_values))
        frame = frame.f_back
    frames.reverse()
    return frames


def describe_traceback(traceback):
    frames = []
    while traceback is not None:
        described = describe_frame(traceback.tb_frame, local_values=False)
        described["line"] = traceback.tb_lineno
        described["lasti"] = traceback.tb_lasti
        described.update(describe_position(traceback.tb_frame.f_code, traceback.tb_lasti))
        frames.append(described)
        traceback = traceback.tb_next
    return frames


def describe_exception(error, active=()):
    if error is None or id(error) in active:
        return None
    active = tuple(active) + (id(error),)
    cls = type(error)
    described = {
        "type": type_name(cls),
        "id": hex(id(error)),
        "message": None,
        "args": [describe_value(item, 0) for item in error.args],
        "notes": [note for note in getattr(error, "__notes__", [])],
        "frames": describe_traceback(error.__traceback__),
        "cause": describe_exception(error.__cause__, active),
        "context": describe_exception(error.__context__, active),
        "suppress_context": error.__suppress_context__,
        "exceptions": [describe_exception(item, active) for item in getattr(error, "exceptions", [])],
    }
    for base in cls.__mro__:
        if "__str__" in base.__dict__:
            if isinstance(base.__dict__["__str__"], types.WrapperDescriptorType):
                described["message"] = str(error)
            break
    return described


# ---------------------------------------------------------------------------------------------------- the program


class Shape:
    """One function, to be parked in a thread of its own."""

    def __init__(self, function, name, elsewhere):
        self.function = function
        self.name = name
        self.elsewhere = elsewhere  # it blocks somewhere else than in park()
        self.thread = None
        self.error = None
        self.done = False

    def run(self):
        try:
            self.function()
            self.done = True
        except BaseException as error:  # reported by the program's exit code
            self.error = error


class Suite:
    """The shapes of one program."""

    def __init__(self):
        self.shapes = []
        self.afters = []
        self.releases = []
        self.describe_locals = True
        self.stack_size = 0

    def shape(self, function=None, **options):
        """Decorator: `function` is run in a thread and must block in park() (or call arrive() and block elsewhere)."""
        if function is None:
            return lambda given: self.shape(given, **options)
        name = options.get("name", function.__name__)
        self.shapes.append(Shape(function, name, options.get("elsewhere", False)))
        return function

    def after(self, name, function):
        """`function()` is called when the snapshot has been taken, before the shapes go on; its result is printed."""
        self.afters.append((name, function))

    def on_release(self, function):
        self.releases.append(function)

    def start(self):
        if self.stack_size:
            threading.stack_size(self.stack_size)
        for shape in self.shapes:
            shape.thread = threading.Thread(target=shape.run, name=shape.name, daemon=True)
            shape.thread.start()
        for shape in self.shapes:
            while not self.settled(shape):
                if shape.error is not None:
                    raise shape.error
                if shape.done:
                    raise AssertionError("shape %s ended without parking" % shape.name)
                time.sleep(0.0005)

    def settled(self, shape):
        """Whether the shape's thread is inside its blocking system call."""
        if shape.thread.ident not in _arrived:
            return False
        native_id = shape.thread.native_id
        if not shape.elsewhere:
            where = _system_call(native_id)
            if where:
                return where[0] == "0" and int(where[1], 16) == _GATE_READ
        seen = set()
        for _ in range(4):  # blocked at the same place while the interpreter was free to be taken
            seen.add((_state(native_id), tuple(_system_call(native_id) or ())))
            time.sleep(0.002)
        return len(seen) == 1 and seen.pop()[0] == "S"

    def oracle(self):
        frames = sys._current_frames()
        threads = []
        for thread in threading.enumerate():
            frame = frames.get(thread.ident)
            if frame is None:
                continue
            main = thread is threading.main_thread()
            if main:
                while frame.f_code is not Suite.main.__code__:
                    frame = frame.f_back
            threads.append(
                {
                    "ident": thread.ident,
                    "native_id": thread.native_id,
                    "name": thread.name,
                    "is_main": main,
                    "daemon": thread.daemon,
                    "frames": describe_stack(frame, self.describe_locals and not main),
                    "handling": describe_exception(_arrived.get(thread.ident)),
                }
            )
        return {
            "pid": os.getpid(),
            "python": "%d.%d.%d" % sys.version_info[:3],
            "oracle_first": "--oracle-first" in sys.argv,
            "threads": threads,
            "after": {name: function() for name, function in self.afters},
        }

    def main(self):
        self.start()
        first = self.oracle() if "--oracle-first" in sys.argv else None
        _print({"ready": True, "pid": os.getpid()})
        _read_line()
        _print({"first": first, **self.oracle()})
        for release in self.releases:
            release()
        os.close(_GATE_WRITE)
        for shape in self.shapes:
            shape.thread.join(60)
            if shape.error is not None:
                raise shape.error
            if not shape.done:
                raise AssertionError("shape %s did not end" % shape.name)
        _print({"done": [shape.name for shape in self.shapes]})
        sys.stdout.flush()
        os._exit(0)  # interpreters and daemon threads are not this program's subject


def _system_call(native_id):
    try:
        # In binary: text may need a module for its encoding, and a thread is parked within an import.
        with open("/proc/self/task/%d/syscall" % native_id, "rb") as file:
            return file.read().decode("latin-1").split()
    except OSError:
        return None


def _state(native_id):
    with open("/proc/self/task/%d/stat" % native_id, "rb") as file:
        return file.read().decode("latin-1").rpartition(")")[2].split()[0]


def _print(value):
    data = (json.dumps(value) + "\n").encode("ascii")
    while data:
        data = data[os.write(1, data) :]


def _read_line():
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            break
        line += piece
    return line
