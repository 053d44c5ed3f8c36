"""Writes a snapshot whose frame holds many values, and the repr() of each: repr_values.py SNAPSHOT EXPECTED.json"""

import collections
import functools
import json
import os
import random
import sys
import types
import unittest
from typing import Any, Dict, List

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import snapshot_encoder as encode  # noqa: E402


class Plain:
    def __init__(self) -> None:
        self.answer = 42

    def method(self) -> None:
        pass


class OwnRepr:
    def __repr__(self) -> str:
        raise AssertionError("nothing of the target runs")


class MyList(List[int]):
    pass


class Counting(Dict[str, int]):
    __repr__ = object.__repr__


class MyStr(str):
    pass


def ints() -> List[Any]:
    values = [0, 1, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 2**100, -(2**100), 10**19, 10**38]
    values += [10**4000 + 7, -(10**4299)]
    generator = random.Random(1)
    return values + [generator.getrandbits(bits) * generator.choice((1, -1)) for bits in range(1, 3000, 7)]


def floats() -> List[Any]:
    values = [
        0.0,
        -0.0,
        1.0,
        0.1,
        1e15,
        1e16,
        1e17,
        123456789012345680.0,
        0.0001,
        0.00001,
        5e-324,
        1.7976931348623157e308,
    ]
    values += [float("nan"), float("inf"), float("-inf"), 1 / 3, 2.5, -1e100, 1e22, 1e23, 9007199254740993.0, 100.0]
    generator = random.Random(2)
    return values + [generator.uniform(-1, 1) * 10.0 ** generator.randrange(-30, 30) for _ in range(500)]


def complexes() -> List[Any]:
    parts = [0.0, -0.0, 1.0, -1.5, 1e16, float("nan"), float("inf"), float("-inf"), 1e-7]
    return [complex(real, imag) for real in parts for imag in parts]


def strings() -> List[Any]:
    step = 0x800
    values: List[Any] = ["".join(map(chr, range(first, first + step))) for first in range(0, 0x110000, step)]
    values += ["", "'", '"', "'\"", "\\", "\n\r\t\x00\x1b\x7f", "\U0001f600", "\udc80", "a\ud800b", "\u200b"]
    values += [b"", b"'", b'"', b"'\"", bytes(range(256)), bytearray(b""), bytearray(range(256))]
    return values + [bytearray(b"a'b"), bytearray(b'a"b'), bytearray(b"a'\"\\b")]


def containers() -> List[Any]:
    values: List[Any] = [
        (),
        (1,),
        (1, 2),
        [],
        [[]],
        {},
        {1: {}},
        {"a": [1, (2,)]},
        set(),
        frozenset(),
        {1},
        [None, ...],
    ]
    values += [
        frozenset({"x"}),
        {i: str(i) for i in range(500)},
        list(range(2000)),
        {True: NotImplemented, (1, 2): {3}},
    ]
    values += [range(10), range(1, 10), range(1, 10, 2), range(0, -5, -1), range(2**70)]
    return values + [slice(None), slice(1, 2), slice("a", None, 3)]


def library() -> List[Any]:
    proxied = {"a": 1}
    values = [collections.OrderedDict(), collections.OrderedDict([("a", 1), (2, {})]), collections.deque([1, []])]
    values += [collections.deque([1], maxlen=3), collections.deque(), collections.defaultdict(int, {1: 2})]
    values += [collections.defaultdict(None), {"a": 1}.keys(), {"a": 1}.values(), {"a": 1, "b": []}.items(), {}.items()]
    values += [staticmethod(len), classmethod(len), functools.partial(len), functools.partial(print, 1, [2], end="")]
    values += [functools.partial(print, end=""), types.MappingProxyType(proxied), types.SimpleNamespace()]
    values += [types.SimpleNamespace(b=1, a=[2]), Counting(a=1)]
    ring = collections.deque([1])
    ring.append(ring)
    return values + [ring]


def cycles() -> List[Any]:
    a: List[Any] = [1]
    a.append(a)
    b: Dict[str, Any] = {"a": a}
    b["b"] = b
    c: List[Any] = []
    d = (c, 1)
    c.append(d)
    e: List[Any] = []
    f = ValueError(e)
    e.append(f)
    g: List[Any] = []
    g.extend([frozenset([Plain]), g, a, b, c, d])
    shared: List[int] = [1]
    return [a, b, c, d, e, f, g, [shared, shared]]


def objects() -> List[Any]:
    def inner() -> None:
        pass

    plain = Plain()
    values = [int, type, Plain, types.FunctionType, type(None), OSError, inner, lambda: None, len, [].append, "".join]
    values += [dict.fromkeys, sys.exit, list.append, object.__init__, "".__add__, type.__dict__["__dict__"]]
    return values + [plain, plain.method, object(), inner.__code__, types, os, unittest, Plain.method]


def exceptions() -> List[Any]:
    values: List[BaseException] = [ValueError(), ValueError(1), ValueError(1, "x"), KeyError("k"), OSError(2, "No")]
    values += [SystemExit(3), ImportError("m", name="x"), ImportError("m"), ImportError("m", name="a", path="b")]
    values += [StopIteration(), UnicodeDecodeError("u", b"x", 0, 1, "r"), FileNotFoundError(2, "No", "f")]
    if sys.version_info >= (3, 11):
        values.append(ExceptionGroup("g", [ValueError(1), ValueError(2)]))  # noqa: F821
    return values


def main(snapshot_path: str, expected_path: str) -> None:
    expected: Dict[str, str] = {}
    values: Dict[str, Any] = {}
    for make in (ints, floats, complexes, strings, containers, library, cycles, objects, exceptions):
        for i, value in enumerate(make()):
            name = "%s_%d" % (make.__name__, i)
            values[name] = value
            expected[name] = repr(value)
    mine: List[Any] = [OwnRepr(), MyList([1, 2]), MyStr("x")]
    for name, value in zip(("own", "my_list", "my_str"), mine):
        values[name] = value
        expected[name] = object.__repr__(value)
    encoder = encode.Encoder()
    frame = encoder.frame(sys._getframe(), values)
    with open(snapshot_path, "wb") as file:
        file.write(encode.snapshot(encoder, [encode.thread(encoder, [frame])]))
    with open(expected_path, "w") as out:
        json.dump(expected, out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
