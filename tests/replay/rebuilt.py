"""Run by an interpreter of the matrix with pysnap and tests/programs on its path: describes a replayed snapshot.

rebuilt.py contexts FILE    what each frame is inside of
rebuilt.py tasks FILE       the tasks of asyncio and trio
rebuilt.py greenlets FILE   the greenlets of all threads
rebuilt.py portals FILE     the stacks of tasks that greenback has given portals to
rebuilt.py catalogue FILE   what the values of catalogue.py differ in from those that it makes here
rebuilt.py graphs FILE      which graphs of graphs.py differ from those that it makes here
rebuilt.py frames FILE      every thread's frames and locals, as oracle.py describes live ones
rebuilt.py positions FILE   what the iterators and views of positions.py give from now on
rebuilt.py sessions FILE    what session.py finds in the replay of debugged.py
"""

import itertools
import json
import os
import re
import sys
import traceback

import catalogue
import graphs
import isomorphism
import oracle
import pysnap
import sameness
import session


def frames(snapshot):
    return [
        {
            "name": thread.name,
            "native_id": thread.native_id,
            "is_main": thread.is_main,
            "frames": [describe(frame) for frame in thread.frames],
            "chained": chained(thread),
        }
        for thread in snapshot.threads
    ]


def describe(frame):
    try:
        return oracle.describe_frame(frame)
    except RecursionError:
        described = oracle.describe_frame(frame, local_values=False)
        values = frame.f_locals
        described["locals"] = [[name, describe_deep(values[name])] for name in list(values)]
        return described
    except Exception as error:
        return {"function": frame.f_code.co_name, "error": repr(error)}


def describe_deep(value):
    """A value whose nesting this interpreter's own repr() may refuse."""
    try:
        return oracle.describe_value(value)
    except RecursionError:
        name = oracle.type_name(type(value))
        return {"type": name, "repr": None, "id": hex(id(value)), "contents": None, "attributes": None}


def chained(thread):
    """Whether f_back leads from the innermost frame through all others."""
    found = []
    frame = thread.frame
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    found.reverse()
    return len(found) == len(thread.frames) and all(a is b for a, b in zip(found, thread.frames))


def sessions(snapshot):
    found = {}
    for thread in snapshot.threads:
        if thread.is_main:
            continue
        found[thread.name] = session.session(thread.frame)
        if thread.name == "with_an_exception":
            frame = [frame for frame in thread.frames if frame.f_code.co_name == thread.name][0]
            found["exception"] = session.exception_session(frame.f_locals["error"])
    return found


def positions(snapshot):
    found = {}
    for thread in snapshot.threads:
        for frame in thread.frames:
            for name, value in frame.f_locals.items():
                if not name.startswith("at_"):
                    continue
                try:
                    is_view = type(value) is memoryview
                    left = repr(value.tolist() if is_view else list(itertools.islice(value, 10)))
                except TypeError as error:
                    left = str(error)
                expected = repr(frame.f_locals["left_" + name[3:]])
                found[frame.f_code.co_name + "." + name] = {
                    "type": oracle.type_name(type(value)),
                    "left": left,
                    "expected": expected,
                }
    return found


def catalogue_values(snapshot):
    """What each value of catalogue.py differs in from one that is made here."""
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "catalogue"]
    values, shown = (frame.f_locals[name] for name in ("values", "shown"))
    return {
        name: sameness.differences(values.get(name), catalogue.make(source), shown.get(name))
        for name, source in catalogue.entries()
    }


def random_graphs(snapshot):
    """What differs in each, and how many there are."""
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "graphs"]
    held, first = frame.f_locals["held"], frame.f_locals["first"]
    found = {}
    for number, have in enumerate(held, first):
        want = graphs.graph(number)
        difference = isomorphism.first_difference(have, want)
        if difference is not None:
            found[number] = difference
    return {"count": len(held), "different": found, "told_apart": told_apart(held[:100], first)}


def greenlets(snapshot):
    return [
        {
            "id": greenlet.id,
            "type": greenlet.type_name,
            "state": greenlet.state,
            "is_main": greenlet.is_main,
            "parent": greenlet.parent,
            "native_id": greenlet.native_id,
            "run": repr(greenlet.run),
            "handling": repr(greenlet.handling),
            "frames": [describe(frame) for frame in greenlet.frames],
            "backs": [frame.f_code.co_name for frame, _ in traceback.walk_stack(greenlet.frames[-1])]
            if greenlet.frames
            else [],
            "extracted": [frame.pyframe.f_code.co_name for frame in snapshot.extract(greenlet).frames],
            "by object": [frame.pyframe.f_code.co_name for frame in snapshot.extract(greenlet.object).frames],
            "contexts": [
                [context.varname for context in frame.contexts] for frame in snapshot.extract(greenlet).frames
            ],
        }
        for greenlet in snapshot.greenlets
    ]


def portals(snapshot):
    stacks = {task.id: snapshot.extract(task) for task in snapshot.tasks}
    return {
        each: {
            "names": [frame.pyframe.f_code.co_name for frame in stack.shown()],
            "all": len(stack.frames),
            "local": stack.frames[-1].pyframe.f_locals.get("inside"),
            "waits": stack.leaf is not None,
        }
        for each, stack in stacks.items()
    }


def tasks(snapshot):
    return [
        {
            "id": task.id,
            "name": task.name,
            "state": task.state,
            "coroutine": task.coroutine.qualname,
            "native_id": task.native_id,
            "frames": [[frame.f_code.co_name, frame.f_lineno] for frame in task.frames],
            "locals": [sorted(frame.f_locals) for frame in task.frames],
            "waits": task.leaf is not None,
            "result": repr(task.result),
            "exception": repr(task.exception),
            "awaits": task.awaits,
            "awaited_by": task.awaited_by,
            "library": task.library,
            "role": task.role,
            "parent": task.parent,
            "parent_scope": task.parent_scope,
            "children": task.children,
            "waits_on": task.waits_on is not None,
            "scopes": [scope_facts(each) for each in task.scopes],
            "scopes_absent": task.scopes_absent is not None,
        }
        for task in snapshot.tasks
    ]


def scope_facts(scope):
    return {
        "id": scope.id,
        "kind": scope.kind,
        "varname": scope.varname,
        "line": scope.line,
        "function": scope.frame and scope.frame.f_code.co_name,
        "deadline": "inf" if scope.deadline == float("inf") else scope.deadline,
        "cancelled": scope.cancelled,
        "shield": scope.shield,
        "children": scope.children,
    }


def contexts(snapshot):
    """Of the threads' frames, and of what is suspended in them."""
    told = []
    for thread in snapshot.threads:
        for frame in thread.frames:
            told.append([frame.f_code.co_name, [context_facts(each) for each in snapshot.contexts(frame)]])
            for name, value in frame.f_locals.items():
                if type(value) is pysnap.Suspended and value.frame is not None:
                    inside = [context_facts(each) for each in snapshot.contexts(value.frame)]
                    told.append([frame.f_code.co_name + " " + name, inside])
    return told


def context_facts(context):
    return {
        "varname": context.varname,
        "line": context.line,
        "is_async": context.is_async,
        "is_exiting": context.is_exiting,
        "is_entering": context.is_entering,
        "description": re.sub("0x[0-9a-f]+", "0x", context.description) if context.description else None,
        "type": type(context.object).__name__,
        "inner_frames": [frame.f_code.co_name for frame in context.inner_frames],
        "children": [context_facts(each) for each in context.children],
    }


def told_apart(held, first):
    """Whether the comparison sees another graph, and the same with a list that is a copy."""
    found = []
    for number, have in enumerate(held, first):
        found.append(isomorphism.first_difference(have, graphs.graph(number + 1)) is not None)
        doubled = graphs.graph(number)
        doubled.append(doubled[0])
        copied = graphs.graph(number)
        copied.append(graphs.graph(number)[0])
        same = isomorphism.first_difference(doubled, copied) is None
        found.append(same != isomorphism.is_one_object(doubled[0]))
    return found


if __name__ == "__main__":
    sys.setrecursionlimit(20000)  # for values 1000 deep
    tell = {
        "catalogue": catalogue_values,
        "contexts": contexts,
        "frames": frames,
        "graphs": random_graphs,
        "greenlets": greenlets,
        "portals": portals,
        "positions": positions,
        "sessions": sessions,
        "tasks": tasks,
    }[sys.argv[1]]
    result = tell(pysnap.load(sys.argv[2]))
    # Nothing may be imported because a snapshot names it.
    result = {"result": result, "modules": sorted(sys.modules)}
    os.write(1, json.dumps(result).encode("ascii"))
