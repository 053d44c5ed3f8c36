"""Those of generators.py that need the syntax of Python 3.12."""


def generic(log):
    def inner[T](value: T) -> list[T]:
        return [value]

    yield inner(1)
    type Alias = list[int]
    yield f"{'nested'!r} {(yield 2)} {f'{3}'}"
    return [x for x in [y for y in inner(4)]]


def newer_shapes():
    return [("generic", generic)]
