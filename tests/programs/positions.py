"""Iterators in the middle of what they go through: each local `at_X` stands where `left_X` begins."""

import array
import collections
import copy
import io
import itertools
import operator
import sys

import oracle
from oracle import park

suite = oracle.Suite()
shape = suite.shape


def moved(make, steps):
    """An iterator after so many steps, and up to ten elements that are left, which another one like it gave."""
    at, twin = make(), make()
    for _ in range(steps):
        next(at, None)
        next(twin, None)
    return at, list(itertools.islice(twin, 10))


class OnlyItems:
    def __getitem__(self, index):
        return "abc"[index]


@shape
def sequences():
    at_list, left_list = moved(lambda: iter([1, 2, 3]), 1)
    at_end, left_end = moved(lambda: iter([1, 2]), 3)
    at_tuple, left_tuple = moved(lambda: iter((1, "b", None)), 2)
    at_ascii, left_ascii = moved(lambda: iter("text"), 1)
    at_text, left_text = moved(lambda: iter("t\u00e9xt\U0001f600"), 2)
    at_text_end, left_text_end = moved(lambda: iter("ab"), 5)
    at_bytes, left_bytes = moved(lambda: iter(b"bytes"), 3)
    at_bytearray, left_bytearray = moved(lambda: iter(bytearray(b"array")), 2)
    at_back, left_back = moved(lambda: reversed([1, 2, 3, 4]), 1)
    at_back_end, left_back_end = moved(lambda: reversed([1]), 2)
    at_back_tuple, left_back_tuple = moved(lambda: reversed((1, 2, 3, 4)), 2)
    at_back_text, left_back_text = moved(lambda: reversed("abc"), 1)
    grown = [1, 2]
    at_grown, left_grown = iter(grown), [2, 3]
    next(at_grown)
    grown.append(3)
    in_itself = [0]
    at_itself = iter(in_itself)
    in_itself += [at_itself, 5]
    next(at_itself)
    next(at_itself)
    left_itself = [5]
    park()
    return locals()


@shape
def ranges():
    at_range, left_range = moved(lambda: iter(range(10)), 3)
    at_stepped, left_stepped = moved(lambda: iter(range(100, 0, -7)), 11)
    at_end, left_end = moved(lambda: iter(range(3)), 9)
    at_edge, left_edge = moved(lambda: iter(range(2**63 - 3, 2**63 - 1)), 1)
    at_long, left_long = moved(lambda: iter(range(2**70, 2**70 + 40, 4)), 7)
    at_long_back, left_long_back = moved(lambda: iter(range(5, -(2**70), -(2**69))), 2)
    at_long_new, left_long_new = moved(lambda: iter(range(2**63)), 0)
    park()
    return locals()


@shape
def dictionaries():
    numbers = {"a": 1, "b": 2, "c": 3, "d": 4}
    with_holes = {number: str(number) for number in range(10)}
    for number in (0, 3, 4, 9):
        del with_holes[number]
    ordered_by = collections.OrderedDict(a=1, b=2)
    at_keys, left_keys = moved(lambda: iter(numbers), 1)
    at_values, left_values = moved(lambda: iter(numbers.values()), 2)
    at_items, left_items = moved(lambda: iter(numbers.items()), 3)
    at_end, left_end = moved(lambda: iter(numbers), 8)
    at_holes, left_holes = moved(lambda: iter(with_holes.items()), 2)
    at_back, left_back = moved(lambda: reversed(numbers), 1)
    at_back_items, left_back_items = moved(lambda: reversed(with_holes.items()), 2)
    at_back_values, left_back_values = moved(lambda: reversed(with_holes.values()), 0)
    park()
    return locals(), ordered_by


@shape
def combined():
    at_enumerate, left_enumerate = moved(lambda: enumerate("abc", 5), 1)
    at_zip, left_zip = moved(lambda: zip([1, 2, 3], "abc"), 1)
    at_map, left_map = moved(lambda: map(abs, [-1, -2, -3]), 1)
    at_map_two, left_map_two = moved(lambda: map(pow, [1, 2, 3], iter([4, 5, 6])), 2)
    at_filter, left_filter = moved(lambda: filter(None, [0, 1, 0, 2]), 1)
    at_count, left_count = moved(lambda: itertools.count(5), 2)
    at_count_large, left_count_large = moved(lambda: itertools.count(2**80, -3), 2)
    at_count_float, left_count_float = moved(lambda: itertools.count(0.5, 0.25), 1)
    at_repeat, left_repeat = moved(lambda: itertools.repeat("x", 5), 2)
    at_repeat_always, left_repeat_always = moved(lambda: itertools.repeat(None), 2)
    at_repeat_end, left_repeat_end = moved(lambda: itertools.repeat(1, 1), 2)
    at_chain_new, left_chain_new = moved(lambda: itertools.chain([1], (2, 3)), 0)
    at_chain_end, left_chain_end = moved(lambda: itertools.chain([1], (2, 3)), 9)
    begun_chain, left_chain = moved(lambda: itertools.chain([1, 2], (3, 4)), 1)
    if sys.version_info < (3, 14):  # from then on one that has begun cannot be made
        at_chain = begun_chain
    at_islice, left_islice = moved(lambda: itertools.islice(range(100).__iter__(), 2, 20, 5), 2)
    at_islice_new, left_islice_new = moved(lambda: itertools.islice(iter([1, 2, 3, 4]), 1, None), 0)
    at_islice_end, left_islice_end = moved(lambda: itertools.islice(iter([1, 2, 3]), 2), 5)
    at_starmap, left_starmap = moved(lambda: itertools.starmap(pow, [(2, 3), (3, 2), (4, 2)]), 1)
    at_nested, left_nested = moved(lambda: enumerate(zip(iter("abc"), itertools.count())), 1)
    if sys.version_info >= (3, 10):
        at_strict, left_strict = moved(lambda: zip([1, 2], [3, 4], strict=True), 1)
    park()
    return locals()


@shape
def shared():
    first, second = itertools.tee(iter(range(200)))
    third = copy.copy(second)
    for _ in range(100):
        next(first)
    at_first, left_first = first, list(range(100, 110))
    at_second, left_second = second, list(range(10))
    next(third)
    at_third, left_third = third, list(range(1, 11))
    at_tee_end, left_tee_end = moved(lambda: itertools.tee([1, 2])[0], 5)
    at_groups_new, left_groups_new = moved(lambda: map(operator.itemgetter(0), itertools.groupby("aab")), 0)
    groups = itertools.groupby([1, 1, 2, 2, 2, 3])
    at_passed, left_passed = next(groups)[1], []
    begun_group, left_group = next(groups)[1], [2, 2]
    next(begun_group)
    begun_groups, left_groups = map(operator.itemgetter(0), itertools.groupby("abbc")), ["b", "c"]
    next(begun_groups)
    if sys.version_info < (3, 14):  # as a chain that has begun
        at_group, at_groups = begun_group, begun_groups
    at_set, left_set = moved(lambda: iter({3, 1, 2, 7}), 2)
    at_set_end, left_set_end = moved(lambda: iter({1}), 3)
    at_set_new, left_set_new = moved(lambda: iter(frozenset([None])), 0)
    park()
    return locals()


@shape
def views():
    at_view, left_view = memoryview(b"memory"), [109, 101, 109, 111, 114, 121]
    at_slice, left_slice = memoryview(b"memory")[1:4], [101, 109, 111]
    at_empty, left_empty = memoryview(b""), []
    at_stepped, left_stepped = memoryview(bytes(range(20)))[1::6], [1, 7, 13, 19]
    at_back, left_back = memoryview(bytearray(b"abc"))[::-1], [99, 98, 97]
    at_numbers, left_numbers = memoryview(array.array("d", [1.5, -2.5])), [1.5, -2.5]
    at_wide, left_wide = memoryview(array.array("q", range(9)))[::4], [0, 4, 8]
    at_table, left_table = memoryview(bytes(range(6))).cast("B", [2, 3]), [[0, 1, 2], [3, 4, 5]]
    at_single, left_single = memoryview(b"\x01\x00\x00\x00").cast("i", []), 1
    at_characters, left_characters = memoryview(b"ab").cast("c"), [b"a", b"b"]
    at_changed = memoryview(bytearray(b"xyz"))
    at_changed[1] = 0
    left_changed = [120, 0, 122]
    at_io, left_io = io.BytesIO(b"one\ntwo\nthree"), [b"two\n", b"three"]
    at_io.readline()
    at_written, left_written = io.BytesIO(), []
    at_written.write(b"x" * 1000)
    at_shrunk, left_shrunk = io.BytesIO(b"a\nb\nc"), [b"a\n"]
    at_shrunk.truncate(2)
    park()
    return locals()


if __name__ == "__main__":
    suite.main()
