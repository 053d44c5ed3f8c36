"""Objects of the extension in docs/example-plugin, which is to be on the path."""

import oracle
import shapes

suite = oracle.Suite()
suite.describe_locals = False


class Named(shapes.Shape):
    def __init__(self, width, height, label):
        self.name = "of a class in Python"


@suite.shape
def hold():
    shared = ["label"]
    shape = shapes.Shape(2.0, 1.5, shared)
    bare = shapes.Shape(0.0, 1.0)
    named = Named(4.0, 5.0, shared)
    oracle.park()
    return shape, bare, named


if __name__ == "__main__":
    suite.main()
