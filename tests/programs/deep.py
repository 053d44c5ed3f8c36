"""A recursion 20,000 deep, and one through C, deeper than any fixed limit of the other tools."""

import functools
import sys

import oracle
from oracle import park

suite = oracle.Suite()
suite.stack_size = 1 << 30
DEPTH = 20000
sys.setrecursionlimit(DEPTH * 3)


@suite.shape
def deep_recursion():
    def down(n):
        label = n * 2
        if n == 0:
            park()
            return 0
        return down(n - 1) + (label - label) + 1

    assert down(DEPTH) == DEPTH


@suite.shape
def deep_through_c():
    def down(n, marker):
        if n == 0:
            park()
            return 0
        return functools.reduce(lambda total, item: down(n - 1, item), [marker], 0) + 1

    assert down(100, "marker") == 100


@suite.shape
def deep_generators():
    def chain(n):
        if n == 0:
            park()
            yield 0
        else:
            yield from chain(n - 1)

    assert list(chain(150)) == [0]


if __name__ == "__main__":
    suite.main()
