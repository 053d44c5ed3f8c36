"""A comprehension's variable shadows a cell: 3.13.0 itself crashes when asked for such a frame's f_locals.

The program knows what is true: `item` is 2.
"""

import oracle
from oracle import park

suite = oracle.Suite()
suite.describe_locals = False


@suite.shape
def comprehension_shadows_cell():
    item = "outer"
    before = "before"

    def reader():
        return item

    assert [item for item in [1, 2] if item != 2 or park()] == [1, 2]
    assert reader() == "outer" and before


if __name__ == "__main__":
    suite.main()
