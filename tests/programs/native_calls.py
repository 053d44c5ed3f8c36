"""Python that calls C that calls Python, in every way that there is; what stands between the calls is told as well."""

import ctypes
import functools
import gc
import itertools
import json
import re
import sys

import oracle
from oracle import park

suite = oracle.Suite()
# Shape -> (caller, callee) -> what must stand between them: the names of C functions of which one is expected where
# names are known, or nothing at all where Python code calls Python code.
between = {}


def calls(pairs):
    """Decorator: a shape with what stands between its frames, by "caller callee"."""

    def add(function):
        between[function.__name__] = {tuple(key.split()): value for key, value in pairs.items()}
        return suite.shape(function)

    return add


def call_directly(function):
    return function()


@calls({"direct call_directly": (), "call_directly park": ()})
def direct():
    call_directly(park)


@calls({"through_sorted key_function": ("list_sort_impl", "list_sort", "listsort"), "key_function park": ()})
def through_sorted():
    def key_function(item):
        park()
        return item

    assert sorted([1], key=key_function) == [1]


@calls({"through_reduce add": ("functools_reduce", "_functools_reduce"), "add park": ()})
def through_reduce():
    def add(total, item):
        park()
        return total + item

    assert functools.reduce(add, [1, 2]) == 3


@calls({"through_re replacement": ("_sre_SRE_Pattern_sub", "pattern_subx"), "replacement park": ()})
def through_re():
    def replacement(match):
        park()
        return match.group().upper()

    # Of the C type itself: re.sub is Python code.
    assert re.compile("b").sub(replacement, "abc") == "aBc"


@calls(
    {
        "through_ctypes compare": ("qsort", "qsort_r", "__GI___qsort_r", "__GI_qsort"),
        "compare inner_key": ("list_sort", "list_sort_impl"),
    }
)
def through_ctypes():
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    called = []

    def inner_key(item):
        if not called:
            called.append(item)
            park()
        return item

    def compare(left, right):
        sorted([1], key=inner_key)
        return 0

    library = ctypes.CDLL(None)
    numbers = (ctypes.c_int * 2)(2, 1)
    library.qsort(numbers, ctypes.c_size_t(2), ctypes.c_size_t(4), kind(compare))


class Finalized:
    def __del__(self):
        park()


@calls({"through_del __del__": ("slot_tp_finalize", "subtype_dealloc"), "__del__ park": ()})
def through_del():
    thing = Finalized()
    del thing


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        park()


@calls({"through_collector __del__": ("slot_tp_finalize", "gc_collect_main")})
def through_collector():
    thing = Cycle()
    del thing
    gc.collect()


def produce():
    park()
    yield 1


@calls({"through_next produce": ("gen_send_ex", "gen_iternext", "builtin_next", "gen_send_ex2"), "produce park": ()})
def through_next():
    assert next(produce()) == 1


class Meta(type):
    def __call__(cls):
        return super().__call__()


class Made(metaclass=Meta):
    def __init__(self):
        park()


@calls({"__call__ __init__": ("type_call", "slot_tp_init")})
def through_types():
    Made()


class Compared:
    def __lt__(self, other):
        park()
        return True

    @property
    def through_getattr(self):
        return self < self


@calls({"through_getattr __lt__": ("slot_tp_richcompare",)})
def through_slots():
    assert getattr(Compared(), "through_getattr") is True  # noqa: B009


@calls({"through_map mapped": ("map_next",), "mapped park": ()})
def through_map():
    def mapped(item):
        park()
        return item

    assert list(itertools.chain(map(mapped, [1]))) == [1]


class Encoder(json.JSONEncoder):
    def default(self, o):
        park()
        return 1


@suite.shape
def through_json():
    assert json.dumps(object(), cls=Encoder) == "1"


@calls({"through_exec <module>": ("builtin_exec", "PyEval_EvalCode")})
def through_exec():
    exec("park()", {"park": park})


@suite.shape
def deep():
    # Within the default recursion limit, over C and without it.
    def down(n):
        if n == 0:
            park()
        elif n % 2:
            down(n - 1)
        else:
            functools.reduce(lambda total, item: down(item), [n - 1], 0)

    down(100)


def answers():
    return {
        shape: [[caller, callee, list(names)] for (caller, callee), names in pairs.items()]
        for shape, pairs in between.items()
    }


def start_other_thread():
    """A thread that Python knows nothing of."""
    library = ctypes.CDLL(None)
    thread = ctypes.c_ulong()
    assert library.pthread_create(ctypes.byref(thread), None, library.pause, None) == 0


suite.after("between", answers)

if __name__ == "__main__":
    assert sys.version_info >= (3, 8)
    start_other_thread()
    suite.main()
