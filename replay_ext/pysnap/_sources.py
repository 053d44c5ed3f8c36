"""Makes the captured source text what linecache, and so pdb, traceback and inspect, shows."""

from __future__ import annotations

import linecache
import re
from importlib.machinery import ModuleSpec
from typing import Any, Dict, Iterable, List, Optional, Tuple

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# A codec is a module that its name would import: only these names are looked up.
_CODECS = re.compile(
    r"(utf[-_]?8(-sig)?|ascii|us-ascii|latin[-_]?1|iso-?8859-\d+|cp\d+|koi8-[ru]|gbk|gb2312|big5|euc[-_]\w+)", re.I
)


class SourceLoader:
    """A module's __loader__ that knows the captured source and nothing else."""

    def __init__(self, sources: Dict[str, str], filename: str) -> None:
        self._sources = sources
        self._filename = filename

    def get_source(self, name: str) -> Optional[str]:
        return self._sources.get(self._filename)

    def get_filename(self, name: str) -> str:
        return self._filename

    def __repr__(self) -> str:
        return f"<source of {self._filename!r} in the snapshot>"


def decode(content: bytes) -> str:
    """Text of a source file by PEP 263; what does not decode is replaced."""
    encoding = "utf-8"
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    else:
        for line in content.split(b"\n", 2)[:2]:
            match = _CODING.match(line)
            if match:
                name = match.group(1).decode("ascii", "replace")
                if _CODECS.fullmatch(name):
                    encoding = name
                break
            if line.strip() and not line.lstrip().startswith(b"#"):
                break
    try:
        text = content.decode(encoding, "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_of(filename: str, module_globals: Dict[str, Any]) -> Optional[str]:
    """The captured source of a file; None when it is not in the snapshot."""
    return "".join(linecache.getlines(filename, module_globals)) or None


def install(files: Iterable[Tuple[str, bytes]], namespaces: Iterable[Dict[Any, Any]]) -> None:
    """Register the sources, and give the modules they belong to a loader that finds them.

    linecache's own cache outlives checkcache() but not clearcache(); the loader outlives both. Captured loaders and
    specs are replaced in any case: linecache would call them.
    """
    sources: Dict[str, str] = {}
    for filename, content in files:
        text = decode(content)
        sources[filename] = text
        lines: List[str] = text.splitlines(True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        linecache.cache[filename] = (len(text), None, lines, filename)
    for namespace in namespaces:
        _give_loader(namespace, sources)


def _give_loader(namespace: Dict[Any, Any], sources: Dict[str, str]) -> None:
    filename = namespace.get("__file__")
    if type(filename) is not str:
        filename = ""
    name = namespace.get("__name__")
    loader = SourceLoader(sources, filename)
    if "__loader__" in namespace or filename in sources:
        namespace["__loader__"] = loader
    spec = namespace.get("__spec__")
    if type(spec) is ModuleSpec:
        spec.loader = loader  # type: ignore[assignment]
    elif spec is not None:
        namespace["__spec__"] = ModuleSpec(name if type(name) is str else "?", loader, origin=filename)  # type: ignore[arg-type]
