"""Classes of a program in a module of which no function is running, and named nowhere but where they are made."""

import collections
import enum
import typing


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 7


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Marks(enum.IntFlag):
    A = 1
    B = 4


Point = collections.namedtuple("Point", "east north")


class Line(typing.NamedTuple):
    quantity: int
    price: int = 2


class Priced:
    rate = 3

    def tax(self):
        return self.amount * self.rate


class Order(Priced):
    def __init__(self, amount):
        self.amount = amount
        self.color = Color.RED

    @property
    def total(self):
        return self.amount + self.tax()

    @classmethod
    def unit(cls):
        return cls.rate

    def __len__(self):
        return self.amount
