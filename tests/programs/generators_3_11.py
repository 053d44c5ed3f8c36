"""Those of generators.py that need the syntax of Python 3.11."""


def groups(log):
    try:
        yield "before"
        raise ExceptionGroup("several", [ValueError(1), Boom(8)])
    except* ValueError as group:
        yield "values %r" % (group.exceptions,)
    except* Boom as group:
        yield "booms %d" % len(group.exceptions)
        log.append(group.exceptions[0].code)
    else:
        yield "never"
    finally:
        yield "finally"


async def comprehends(log):
    result = [await pause(i) for i in [n async for n in numbers(log)]]
    return result


def newer_shapes():
    return [("groups", groups), ("comprehends", comprehends)]
