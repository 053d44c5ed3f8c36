"""Objects of which every special method, property and callback would leave a trace: a line in the file of argv[1].

Replaying and looking at them must not. It tells on stdout that it is ready, and goes on after a line on stdin.
"""

import functools
import json
import os
import sys
import types
import weakref

TRACE = sys.argv[1]

NAMES = [
    "repr",
    "str",
    "bytes",
    "format",
    "lt",
    "le",
    "eq",
    "ne",
    "gt",
    "ge",
    "hash",
    "bool",
    "getattr",
    "getattribute",
    "setattr",
    "delattr",
    "dir",
    "get",
    "set",
    "delete",
    "set_name",
    "init_subclass",
    "instancecheck",
    "subclasscheck",
    "class_getitem",
    "call",
    "len",
    "length_hint",
    "getitem",
    "setitem",
    "delitem",
    "missing",
    "iter",
    "reversed",
    "contains",
    "next",
    "add",
    "radd",
    "iadd",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "lshift",
    "rshift",
    "and",
    "xor",
    "or",
    "neg",
    "pos",
    "abs",
    "invert",
    "complex",
    "int",
    "float",
    "index",
    "round",
    "trunc",
    "floor",
    "ceil",
    "enter",
    "exit",
    "await",
    "aiter",
    "anext",
    "aenter",
    "aexit",
    "del",
    "sizeof",
    "reduce",
    "reduce_ex",
    "getstate",
    "setstate",
    "getnewargs",
    "copy",
    "deepcopy",
    "fspath",
    "mro_entries",
    "prepare",
    "new",
    "init",
]


def leaving(name):
    def method(self, *args, **kwargs):
        with open(TRACE, "a") as file:
            file.write(name + "\n")
        raise RuntimeError(name + " ran")

    method.__name__ = method.__qualname__ = name
    return method


# In place for what is made below, and then for nothing any more in this process.
armed = {"__%s__" % name: leaving(name) for name in NAMES}


class Meta(type):
    pass


class Loud(metaclass=Meta):
    pass


class LoudDict(dict):
    pass


class LoudList(list):
    pass


class LoudInt(int):
    pass


class LoudStr(str):
    pass


class LoudError(Exception):
    pass


class Descriptor:
    pass


class WithDescriptor:
    field = Descriptor()
    plain = property(leaving("property"))


def generates():
    try:
        yield 1
    finally:
        leaving("finally")(None)


def loud_key():
    return {Loud(): 1, "a": Loud()}


def raises():
    try:
        raise LoudError(Loud())
    except LoudError as error:
        return error


def arm():
    # __new__ and __init__ too: they are for who makes another one.
    for cls in (Loud, LoudDict, LoudList, LoudInt, LoudStr, LoudError, Descriptor):
        for name, method in armed.items():
            if name not in ("__set_name__", "__init_subclass__", "__class_getitem__", "__prepare__", "__mro_entries__"):
                type.__setattr__(cls, name, method)
    for name, method in armed.items():
        if name not in ("__call__", "__new__", "__setattr__", "__getattribute__"):
            try:
                type.__setattr__(Meta, name, method)
            except TypeError:
                pass


def wait(objects):
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"told": True}), flush=True)
    print(json.dumps({"done": True}), flush=True)
    os._exit(0)


def main():
    generator = generates()
    next(generator)
    kept = Loud()
    objects = [
        kept,
        LoudDict(a=1),
        LoudList([1, 2]),
        LoudInt(5),
        LoudStr("text"),
        WithDescriptor(),
        raises(),
        generator,
        loud_key(),
        {LoudInt(7), LoudStr("key")},
        functools.partial(leaving("partial"), kept),
        weakref.ref(kept, leaving("callback")),
        types.SimpleNamespace(inner=LoudList([Loud()])),
        (Loud, Meta),
    ]
    loud_local = kept
    arm()
    wait(objects)
    return loud_local


main()
