"""Code objects found again in source text: by their qualified names."""

from __future__ import annotations
import __future__

import linecache
from pathlib import Path
from types import CodeType
from typing import Dict, Iterator, List, Optional, Tuple

from ._sources import decode

#: What `from __future__ import …` leaves in co_flags.
_FUTURE_FLAGS = 0
for _feature in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _feature).compiler_flag
# Of those that are long part of the language some share their bits with other flags of code objects.
_FUTURE_FLAGS &= ~0xFFFF


def qualified_name(code: CodeType, module_globals: Optional[dict[str, object]] = None) -> str:
    """Its co_qualname; up to Python 3.10, where code has none, that of the same place in its captured source."""
    name = getattr(code, "co_qualname", None)
    if name is not None:
        return name  # type: ignore[no-any-return]
    text = "".join(linecache.getlines(code.co_filename, module_globals))
    try:
        compiled = _compile(text, code.co_filename, code)
    except (SyntaxError, ValueError):
        return code.co_name
    places = [
        (name, found)
        for name, found in _walk(compiled)
        if found.co_name == code.co_name and found.co_firstlineno == code.co_firstlineno
    ]
    return places[0][0] if len(places) == 1 else code.co_name


class SourceCode:
    """The code objects of a source file."""

    def __init__(self, path: str, like: CodeType) -> None:
        """Compiled as `like` was. Raises OSError when the file cannot be read, and SyntaxError."""
        self.path = path
        self._module = _compile(decode(Path(path).read_bytes()), path, like)
        self._by_name: Dict[str, List[CodeType]] = {}
        for name, code in _walk(self._module):
            self._by_name.setdefault(name, []).append(code)

    def find(self, qualname: str) -> CodeType:
        """The code of the function of this qualified name. LookupError when there is none, or several."""
        if qualname == "<module>":
            return self._module
        found = self._by_name.get(qualname, [])
        if not found:
            raise LookupError(f"{self.path} has no function {qualname}")
        if len(found) > 1:
            lines = ", ".join(str(code.co_firstlineno) for code in found)
            raise LookupError(f"{self.path} has several functions {qualname}: in lines {lines}")
        return found[0]


def _compile(text: str, filename: str, like: CodeType) -> CodeType:
    compiled: CodeType = compile(text, filename, "exec", like.co_flags & _FUTURE_FLAGS, dont_inherit=True)
    return compiled


def _walk(module: CodeType) -> Iterator[Tuple[str, CodeType]]:
    """All code objects within one, with their qualified names."""
    pending: List[Tuple[str, CodeType]] = [("", module)]
    while pending:
        prefix, outer = pending.pop()
        for constant in outer.co_consts:
            if isinstance(constant, CodeType):
                name = getattr(constant, "co_qualname", prefix + constant.co_name)
                yield name, constant
                # A class body has no fast variables (CO_OPTIMIZED); what is defined in it is not local to a function.
                is_function = constant.co_flags & 0x1
                pending.append((f"{name}.<locals>." if is_function else f"{name}.", constant))
