"""Those of generators.py that need the syntax of Python 3.10."""


def matches(log):
    for subject in [1, "text", (1, 2), {"key": 5}, Boom(7), None]:
        match subject:
            case int():
                yield "int"
            case str() as text if (yield text) is None:
                yield "text"
            case (first, *rest):
                yield first, rest
            case {"key": value, **others}:
                yield value, others
            case Boom(code=code):
                yield code
            case _:
                yield "other"
    return subject


def parenthesized_with(log):
    with (
        Manager(log, "p") as p,
        Manager(log, "q"),
    ):
        yield p


def newer_shapes():
    return [(shape.__name__, shape) for shape in (matches, parenthesized_with)]
