"""What stands for a shapes.Shape of the program when its snapshot is replayed."""

import pysnap


@pysnap.stands_for("shapes.Shape")
class Shape:
    @property
    def area(self):
        return self.width * self.height

    def sample_values(self):
        return memoryview(self.samples).cast("f").tolist()

    def __repr__(self):
        return f"<Shape {self.label!r} of {self.width} by {self.height} {self.unit}>"
