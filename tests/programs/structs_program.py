"""Objects of the extension structs.c, which is to be on the path."""

import oracle
import structs

suite = oracle.Suite()
suite.describe_locals = False


class Own(structs.Thing):
    def __init__(self, label):
        super().__init__(label)
        self.attr = "of a class in Python"


@suite.shape
def hold():
    thing = structs.Thing(["label"])
    sub = structs.SubThing("sub")
    own = Own(3)
    bits = structs.Bits()
    other = structs.Other()
    cell = structs.Cell()
    oracle.park()
    return thing, sub, own, bits, other, cell


if __name__ == "__main__":
    suite.main()
