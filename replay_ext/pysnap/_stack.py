"""A stack of anything that has one: frames with the contexts that they are inside of, and what it ends at."""

from __future__ import annotations

import linecache
import traceback
from types import FrameType, TracebackType
from typing import Any, Iterator, List, Mapping, Optional, Set, Tuple

from ._contexts import Context, Contexts
from ._greenback import through_portals
from ._greenlets import Greenlet
from ._hooks import customization_of
from ._record import Record
from ._stacks import await_chain


class Frame(Record):
    """A frame of a `Stack`."""

    def __init__(self, pyframe: FrameType, contexts: List[Context], lineno: Optional[int] = None) -> None:
        self.pyframe = pyframe
        self.lineno: int = lineno or pyframe.f_lineno or 0
        #: The with blocks that it is inside of, the outermost first.
        self.contexts = contexts
        customized = customization_of(pyframe)
        #: Left out where nobody asks for it: customized, or a local `__tracebackhide__` is true.
        self.hide: bool = customized.hide or pyframe.f_locals.get("__tracebackhide__") is True
        name: str = getattr(pyframe.f_code, "co_qualname", pyframe.f_code.co_name)
        self.funcname = customized.label or name
        if customized.elaborate is not None:
            customized.elaborate(self)

    @property
    def filename(self) -> str:
        return self.pyframe.f_code.co_filename

    @property
    def modname(self) -> Optional[str]:
        return self.pyframe.f_globals.get("__name__")

    @property
    def linetext(self) -> str:
        """The source line, stripped; empty when it is not in the snapshot."""
        return linecache.getline(self.filename, self.lineno, self.pyframe.f_globals).strip()

    def __repr__(self) -> str:
        return f"<Frame {self.funcname} at {self.filename}:{self.lineno}>"


class Stack(Record):
    """What `Snapshot.extract` gives."""

    def __init__(self, root: Any, frames: List[Frame], leaf: Any) -> None:
        #: What it is the stack of.
        self.root = root
        #: The outermost first.
        self.frames = frames
        #: What the last frame waits on; None when it runs, or that is not known.
        self.leaf = leaf

    def shown(self, show_hidden: bool = False) -> Iterator[Frame]:
        return (frame for frame in self.frames if show_hidden or not frame.hide)

    def as_stdlib_summary(self, *, show_hidden: bool = False, capture_locals: bool = False) -> traceback.StackSummary:
        """The same for what works with the traceback module."""
        return traceback.StackSummary.from_list(
            [
                traceback.FrameSummary(
                    frame.filename,
                    frame.lineno,
                    frame.funcname,
                    lookup_line=False,
                    line=frame.linetext or None,
                    locals=dict(frame.pyframe.f_locals) if capture_locals else None,
                )
                for frame in self.shown(show_hidden)
            ]
        )

    def format(self, *, show_contexts: bool = True, show_hidden: bool = False) -> List[str]:
        """Lines, each with its end, as `show` prints them."""
        lines = []
        for frame in self.shown(show_hidden):
            lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.funcname}\n')
            if frame.linetext:
                lines.append(f"    {frame.linetext}\n")
            if show_contexts:
                lines.extend(f"      {text}\n" for text in _context_lines(frame.contexts, ""))
        if self.leaf is not None:
            lines.append(f"  awaits {self.leaf!r}\n")
        return lines

    def __str__(self) -> str:
        return "".join(self.format())


def _context_lines(contexts: List[Context], indent: str, opened: Optional[Set[int]] = None) -> Iterator[str]:
    opened = set() if opened is None else opened
    for context in contexts:
        if context.hide:
            continue
        target = f" as {context.varname}" if context.varname else ""
        keyword = "async with" if context.is_async else "with"
        text = context.description or f"{keyword} {context.object!r}{target}"
        line = f", line {context.line}" if context.line else ""
        yield f"{indent}{text}{line}{_phase(context)}"
        # Once: a stack may be within itself.
        if id(context.object) not in opened:
            opened.add(id(context.object))
            yield from _context_lines(context.children, indent + "    ", opened)


def _phase(context: Context) -> str:
    return ", leaving" if context.is_exiting else ", entering" if context.is_entering else ""


def extract(item: Any, contexts: Contexts, greenlets: Mapping[int, Greenlet]) -> Stack:
    """`greenlets`: what is known of them, by the id() of the object that is captured of each."""
    frames, leaf = _frames_of(greenlets.get(id(item), item), greenlets)
    return Stack(item, [Frame(frame, contexts.of(frame), line) for frame, line in frames], leaf)


def _frames_of(item: Any, greenlets: Mapping[int, Greenlet]) -> Tuple[List[Tuple[FrameType, Optional[int]]], Any]:
    if isinstance(item, BaseException):
        item = item.__traceback__
    if isinstance(item, TracebackType):
        return list(of_traceback(item)), None
    if isinstance(item, FrameType):
        return list(_outwards(item))[::-1], None
    frames = getattr(item, "frames", None)
    if frames is None or not isinstance(item, Record):
        frames, leaf = await_chain(item)
    else:
        # A thread, a task or a greenlet.
        leaf = getattr(item, "leaf", None)
    frames, leaf = through_portals(frames, leaf, greenlets)
    return [(frame, None) for frame in frames], leaf


def of_traceback(traceback: Optional[TracebackType]) -> Iterator[Tuple[FrameType, Optional[int]]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _outwards(frame: Optional[FrameType]) -> Iterator[Tuple[FrameType, Optional[int]]]:
    while frame is not None:
        yield frame, None
        frame = frame.f_back
