"""What stands for a re.Match: it answers what the real one would, and no expression is matched for it.

A real one comes from matching alone, and what a file asks to be matched may take for ever.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, Optional, Tuple, Union

from pysnap._parts import Parts, data, number

Group = Union[int, str]


class Match:
    """`re`, `string`, `pos`, `endpos`, `lastindex` and `regs` (the span of each group) as of a re.Match."""

    __slots__ = ("endpos", "lastindex", "pos", "re", "regs", "string")

    def __init__(self, parts: Parts) -> None:
        self.re: Any = parts["re"]
        self.string: Any = parts["string"]
        if type(self.string) not in (str, bytes):
            raise ValueError("a match in something else than text")
        self.pos, self.endpos = number(parts, "pos"), number(parts, "endpos")
        last = number(parts, "lastindex")
        self.lastindex: Optional[int] = last if last >= 0 else None
        packed = data(parts, "marks")
        self.regs: Tuple[Tuple[int, int], ...] = tuple(struct.iter_unpack("2q", packed))
        length = len(self.string)
        for begin, end in self.regs:
            if (begin, end) != (-1, -1) and not 0 <= begin <= end <= length:
                raise ValueError("a match outside of its text")
        if self.regs[0] == (-1, -1):
            raise ValueError("no match")

    def _names(self) -> Dict[str, int]:
        names = getattr(self.re, "groupindex", {})
        return {name: names[name] for name in names if names[name] < len(self.regs)}

    def _span(self, group: Group) -> Tuple[int, int]:
        index = self._names().get(group) if type(group) is str else group
        if type(index) is not int or not 0 <= index < len(self.regs):
            raise IndexError("no such group")
        return self.regs[index]

    def _text(self, span: Tuple[int, int], default: Any = None) -> Any:
        return default if span[0] < 0 else self.string[span[0] : span[1]]

    def __getitem__(self, group: Group) -> Any:
        return self._text(self._span(group))

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("'re.Match' object is not iterable")

    def group(self, *groups: Group) -> Any:
        texts = tuple(self[group] for group in groups or (0,))
        return texts if len(texts) > 1 else texts[0]

    def groups(self, default: Any = None) -> Tuple[Any, ...]:
        return tuple(self._text(span, default) for span in self.regs[1:])

    def groupdict(self, default: Any = None) -> Dict[str, Any]:
        return {name: self._text(self.regs[index], default) for name, index in self._names().items()}

    def span(self, group: Group = 0) -> Tuple[int, int]:
        return self._span(group)

    def start(self, group: Group = 0) -> int:
        return self._span(group)[0]

    def end(self, group: Group = 0) -> int:
        return self._span(group)[1]

    @property
    def lastgroup(self) -> Optional[str]:
        return next((name for name, index in self._names().items() if index == self.lastindex), None)

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.regs[0]}, match={self[0]!r}>"
