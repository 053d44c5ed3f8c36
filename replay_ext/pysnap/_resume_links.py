"""How what a frame has come to reaches the frame that called it."""

from __future__ import annotations

import dis
import gc
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ._absent import Suspended
from ._completion import Completion, Link
from ._continuation import Continuation
from ._stack_heights import place_of
from ._standing import CannotResume, Standing, name_of

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_DELEGATES = ("SEND", "YIELD_FROM")


class ClassCalled(Link):
    """An `__init__` that a class calls: it gives the instance."""

    def __init__(self, instance: Any) -> None:
        self._instance = instance

    def pass_on(self, outer: Continuation, ended: Completion, generator: Any) -> Completion:
        if ended.exception is not None:
            return ended
        if ended.result is None:
            return Completion(self._instance)
        # slot_tp_init, Objects/typeobject.c
        kind = type(ended.result).__name__
        return Completion(exception=TypeError(f"__init__() should return None, not '{kind:.200}'"))


class _Going:
    """What the stand-in of a generator goes on as: its first answer is already there."""

    def __init__(self, ended: Completion, generator: Any) -> None:
        self._ended: Optional[Completion] = ended
        self._generator = generator

    def give(self, ended: Completion) -> None:
        self._ended = ended

    def __iter__(self) -> Iterator[Any]:
        return self

    def _first(self) -> Tuple[bool, Any]:
        ended, self._ended = self._ended, None
        if ended is None:
            return False, None
        if not ended.yielded:
            raise StopIteration(ended.result)
        return True, ended.result

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        is_first, answer = self._first()
        return answer if is_first else self._generator.send(value)

    def throw(self, *error: Any) -> Any:
        return self._generator.throw(*error)

    def close(self) -> None:
        self._generator.close()


class Iterated(Link):
    """A generator or coroutine that a loop, `yield from` or `await` of its caller goes through."""

    def __init__(self, going: Suspended, operands: Sequence[Any], takes: bool) -> None:
        self.going = going
        self._operands = operands
        self._takes = takes

    def pass_on(self, outer: Continuation, ended: Completion, generator: Any) -> Completion:
        assert self.going is not None
        self.going.state = "suspended" if ended.yielded else "closed"
        if ended.exception is not None:
            self.going.going_on = generator
            return ended
        self.going.going_on = _Going(ended, generator)
        outer.again_at_its_place(self._operands, self._takes)
        return Completion()


class NextCalled(Link):
    """A generator that `next` or its own `send` was called for."""

    def __init__(self, going: Suspended, default: Sequence[Any]) -> None:
        self.going = going
        self._default = default

    def pass_on(self, outer: Continuation, ended: Completion, generator: Any) -> Completion:
        assert self.going is not None
        self.going.state = "suspended" if ended.yielded else "closed"
        self.going.going_on = generator
        if ended.exception is not None:
            return ended
        if ended.yielded:
            return Completion(ended.result)
        return Completion(self._default[0]) if self._default else Completion(exception=StopIteration(ended.result))


class Awaited(Link):
    """The innermost frame is within an `await` or `yield from`, which gives what it is told to."""

    def __init__(self, innermost: Continuation) -> None:
        self._told = _Going(Completion(), None)
        if innermost.place is not None and innermost.place.name == "SEND":
            # In place of what it waits for; since 3.15 there is an empty entry above that.
            at = max((at for at, item in enumerate(innermost.stack) if isinstance(item, tuple)), default=0)
            innermost.stack = [*innermost.stack[:at], (self._told,), *innermost.stack[at + 1 :]]
            innermost.again_at_its_place(takes=True)
        else:
            innermost.again_at_its_place([(self._told,)], takes=True)

    def pass_on(self, outer: Continuation, ended: Completion, generator: Any) -> Completion:
        if ended.exception is not None:
            outer.within_its_place()
            return ended
        self._told.give(ended)
        return Completion()


def link_of_innermost(innermost: Continuation) -> Link:
    place = innermost.place
    return Awaited(innermost) if place is not None and place.name in _DELEGATES else Link()


def link_between(inner: Standing, outer: Continuation, facts: Standing, is_generator: bool) -> Link:
    """Raises CannotResume where C code between them would do more with the result."""
    link = _generator_link(inner.frame, outer, facts) if is_generator else _call_link(inner, facts)
    if link is None:
        raise CannotResume(
            f"{outer.name} has called {name_of(inner.frame)} through C code, which would do more with its result"
        )
    return link


# ---------------------------------------------------------------- generators


def _generator_link(inner: FrameType, outer: Continuation, standing: Standing) -> Optional[Link]:
    name = outer.place.name if outer.place is not None else ""
    if name in ("FOR_ITER", "SEND"):
        going = _stand_in_among(inner, outer.stack[-2:])
        if going is None:
            return None
        return Iterated(going, [], name == "SEND")
    operands = standing.facts["operands"]
    if name == "YIELD_FROM":
        going = _stand_in_among(inner, operands) or _stand_in_of(inner)
        return Iterated(going, [(going,)], True)
    going = _stand_in_among(inner, operands)
    called = standing.facts["called"]
    if going is None or called is None:
        return None
    given = [item[0] for item in operands if isinstance(item, tuple)]
    if called is next and name != "CALL_FUNCTION_EX" and given[0] is next and given[1] is going:
        return NextCalled(going, given[2:])
    # The method itself, and what it is called on; what is sent does not matter any more.
    method = getattr(called, "__name__", None)
    if type(called) is not FunctionType and method in ("send", "__next__", "throw") and given[1:2] == [going]:
        return NextCalled(going, [])
    return None


def _is_stand_in(item: Any, frame: FrameType) -> bool:
    return type(item) is Suspended and item.frame is frame


def _stand_in_among(frame: FrameType, items: Sequence[Any]) -> Optional[Suspended]:
    found = [item[0] for item in items if isinstance(item, tuple) and _is_stand_in(item[0], frame)]
    return found[0] if found else None


def _stand_in_of(frame: FrameType) -> Suspended:
    """That of the snapshot; a new one when nothing in it has the generator."""
    for each in gc.get_objects():
        if _is_stand_in(each, frame):
            return each  # type: ignore[no-any-return]
    made = Suspended()
    made.frame = frame
    return made


# ---------------------------------------------------------------- calls


def _call_link(inner: Standing, outer: Standing) -> Optional[Link]:
    if inner.facts["hidden_caller"]:
        return _class_link(inner.frame, None)
    if not inner.facts["is_entry"]:
        return Link()
    code = inner.frame.f_code
    place = place_of(outer.frame.f_code, outer.facts["lasti"])
    if place is not None and place.name == "WITH_EXCEPT_START":
        # The exit method is below the exception, which is of as many entries as the version has it.
        below = outer.facts["stack"][-7:-3]
        runs = any(isinstance(item, tuple) and _runs(item[0], code) for item in below)
        return Link() if runs else None
    called = outer.facts["called"]
    if called is None:
        return None
    if _runs(called, code) or _is_method_of(called, code):
        return Link()
    return _class_link(inner.frame, called)


def _class_link(init: FrameType, called: Any) -> Optional[Link]:
    """`called`: nothing when the interpreter itself has made the instance, and called its __init__ (from 3.13 on)."""
    code = init.f_code
    instance = _first_argument(init)
    if instance is None:
        return None
    kind = type(instance[0])
    if called is not None:
        # What type_call (Objects/typeobject.c) does: nothing comes between but a metaclass's __call__.
        if not isinstance(called, type) or not issubclass(kind, called):
            return None
        metaclass: type = type(called)
        if any("__call__" in vars(each) for each in metaclass.__mro__ if each not in (type, object)):
            return None
    method = next((vars(each)["__init__"] for each in kind.__mro__ if "__init__" in vars(each)), None)
    return ClassCalled(instance[0]) if method is not None and _runs(method, code) else None


def _first_argument(frame: FrameType) -> Optional[List[Any]]:
    """What the frame was called with first; nothing where its code may have put something else there."""
    code = frame.f_code
    if code.co_argcount == 0 or _rebinds(code, code.co_varnames[0]):
        return None
    name = code.co_varnames[0]
    return [frame.f_locals[name]] if name in frame.f_locals else None


def _rebinds(code: CodeType, name: str) -> bool:
    if name in code.co_cellvars:
        return True
    stores = [each.argval for each in dis.get_instructions(code) if each.opname.startswith(("STORE_", "DELETE_"))]
    return any(name == stored or (isinstance(stored, tuple) and name in stored) for stored in stores)


def _runs(called: Any, code: CodeType) -> bool:
    if type(called) is MethodType:
        called = called.__func__
    return type(called) is FunctionType and called.__code__ is code


def _is_method_of(instance: Any, code: CodeType) -> bool:
    """Whether what is found as the callable is an instance with a __call__ in Python, or has no __call__: then it is
    what a bound method is called on, which is put in the method's place for that time (method_vectorcall,
    Objects/classobject.c).
    """
    kind = type(instance)
    if isinstance(instance, type) or not kind.__flags__ & _HEAP_TYPE:
        return False
    methods = [(name, value) for each in kind.__mro__ for name, value in vars(each).items()]
    call = next((value for name, value in methods if name == "__call__"), None)
    if call is not None:
        return _runs(call, code)
    return any(_runs(value, code) for _, value in methods)
