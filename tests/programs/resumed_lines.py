"""Functions blocked at each of their calls, in a thread of its own; and what becomes of them when the debugger of
Python itself jumps from there to each of their lines (by setting f_lineno).
"""

import _thread
import ast
import dis
import json
import os
import sys
import threading

from resumed_shapes import Manager, in_the_pipe, reading


def loops(step):
    found, outer, inner, letter = [], None, None, None
    step("begin")
    outer = None
    for outer in (1, 2):
        step(("outer", outer))
        inner = None
        for inner in [3, 4]:
            found.append((outer, inner))
            step(("inner", outer, inner))
            found.append("behind")
        else:
            step("else")
        step("after inner")
    letter = None
    for letter in "ab":
        found.append(letter)
        step(letter)
    step("end")
    return found


def conditions(step):
    found, count = [], 0
    while count < 2:
        count += 1
        if count == 1:
            step("first")
            found.append("if")
        else:
            step("second")
            found.append("else")
        step("joined")
    return found, count


def with_blocks(step):
    found, item = [], None
    step("before")
    item = 0
    with Manager(found.append):
        step("in one")
        item = 0
        with Manager(found.append, swallows=True), Manager(found.append):
            step("in three")
            item = 0
            for item in (1, 2):
                step(item)
                found.append(item)
        step("in one again")
    step("behind")
    return found


def handlers(step):
    found = []
    step("begin")
    try:
        found.append("try")
        step("try")
        raise KeyError("key")
    except KeyError:
        step("except")
        found.append(repr(sys.exc_info()[1]))
        try:
            step("inner try")
            raise ValueError("inner")
        except ValueError:
            found.append(repr(sys.exc_info()[1]))
            step("inner except")
            found.append(repr(sys.exc_info()[1]))
        step("outer except")
        found.append(repr(sys.exc_info()[1]))
    else:
        step("else")
    step("behind")
    found.append(repr(sys.exc_info()[1]))
    return found


def finally_bodies(step):
    found = []
    try:
        try:
            step("try")
            found.append("tried")
        finally:
            step("finally")
            found.append(repr(sys.exc_info()[1]))
        found.append("between")
        try:
            raise LookupError("through")
        finally:
            step("finally with")
            found.append(repr(sys.exc_info()[1]))
        found.append("never")
    except LookupError:
        step("handled")
        found.append("handled")
    return found


def expressions(step):
    found = total = None
    found = [
        len("abc"),
        step("element"),
        len("ab"),
    ]
    total = max(
        1,
        step(5),
    )
    step("end")
    return found, total


SHAPES = [loops, conditions, with_blocks, handlers, finally_bodies, expressions]


def facts_of(shape, tree):
    """By line, counted from that of `def`: the loops and `with` statements that it is in, the handlers of
    exceptions and the bodies of `finally`; whether a loop or `with` begins there; and whether it is a later line of an
    expression.
    """
    first = shape.__code__.co_firstlineno
    function = next(each for each in tree.body if getattr(each, "name", None) == shape.__name__)
    code = {line - first for _, line in dis.findlinestarts(shape.__code__) if line}
    kinds = ("within", "except", "finally")
    facts = {line: {kind: [] for kind in kinds} for line in code if line > 0}
    for fact in facts.values():
        fact.update(begins=False, expression=False)

    def mark(what, header, statements):
        for line in range(statements[0].lineno - first, last_line(statements[-1]) - first + 1):
            if line in facts:
                facts[line][what].append(header - first)

    for statement in ast.walk(function):
        if isinstance(statement, (ast.For, ast.With)):
            mark("within", statement.lineno, statement.body)
            facts[statement.lineno - first]["begins"] = True
        if isinstance(statement, ast.ExceptHandler):
            mark("except", statement.lineno, [statement])
        if isinstance(statement, ast.Try) and statement.finalbody:
            mark("finally", statement.lineno, statement.finalbody)
        if isinstance(statement, (ast.Assign, ast.Expr)):
            for line in range(statement.lineno - first + 1, last_line(statement) - first + 1):
                if line in facts:
                    facts[line]["expression"] = True
    return facts


def last_line(node):
    return max(each.lineno for each in ast.walk(node) if hasattr(each, "lineno"))


def enter(shape, stop, jump_to=None):
    """What the shape comes to, and what it has told. Jumps instead of making call number `stop`; or waits there."""
    told = []
    called_at = []
    jumped = []

    def step(value):
        called_at.append(sys._getframe(1).f_lineno)
        told.append(repr(value))
        if len(told) == stop and jump_to is None:
            os.read(reading, 1)
        return value

    def trace(frame, event, argument):
        if frame.f_code is not shape.__code__:
            return None
        if event == "line" and not jumped and len(told) == stop - 1 and frame.f_lineno == jump_to[0]:
            jumped.append(True)
            try:
                frame.f_lineno = jump_to[1]
            except ValueError as refused:
                jumped.append(str(refused))
        return trace

    if jump_to is not None:
        sys.settrace(trace)
    try:
        value = repr(shape(step))
    except Exception as error:
        value = repr(error)
    finally:
        sys.settrace(None)
    return [value, told, jumped[1:] if jump_to is not None else called_at]


def apart(shape, stop, jump_to):
    """The same in a process of its own; nothing when that dies, as Python's own jumps make it now and then."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        os.write(sending, json.dumps(enter(shape, stop, jump_to)).encode())
        os._exit(0)
    os.close(sending)
    with open(receiving) as pipe:
        text = pipe.read()
    return json.loads(text) if os.waitpid(child, 0)[1] == 0 else None


def main():
    threading.stack_size(256 * 1024)
    with open(__file__) as file:
        tree = ast.parse(file.read())
    oracle, facts, calls = {}, {}, {}
    started = 0
    for shape in SHAPES:
        facts[shape.__name__] = facts_of(shape, tree)
        lines = enter(shape, 0)[2]
        first = shape.__code__.co_firstlineno
        calls[shape.__name__] = [line - first for line in lines]
        for stop, line in enumerate(lines, 1):
            for target in facts[shape.__name__]:
                oracle["%s %d %d" % (shape.__name__, stop, target)] = apart(shape, stop, (line, first + target))
            if "jumps" not in sys.argv:
                _thread.start_new_thread(enter, (shape, stop))
                started += 1
    while in_the_pipe() < started:
        os.sched_yield()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"jumps": oracle, "lines": facts, "calls": calls}), flush=True)
    print(json.dumps({"done": True}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
