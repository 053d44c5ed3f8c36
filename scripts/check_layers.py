#!/usr/bin/env python3
"""Checks the rules about who may include what, and where CPython versions may be compared.

  scripts/check_layers.py [FILE ...]     all of snapshotter/ and replay_ext/core/ by default

Layers include only downward (docs/ARCHITECTURE.md); only format, objects and what stands above see protobuf; versions
are compared only where version differences live: cpython/versions/, cpython/behaviours/ and the locator.
"""

import re
import sys
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parent.parent

_CHAIN = ["base", "memory", "process", "cpython"]
# What a layer may include besides itself. "proto" is the generated code of proto/.
ALLOWED: Dict[str, FrozenSet[str]] = {layer: frozenset(_CHAIN[:i]) for i, layer in enumerate(_CHAIN)}
ALLOWED["objects"] = ALLOWED["cpython"] | {"cpython", "proto"}
ALLOWED["native"] = ALLOWED["process"] | {"process"}
ALLOWED["format"] = frozenset({"base", "proto"})
ALLOWED["capture"] = ALLOWED["objects"] | {"objects", "native", "format"}
ALLOWED["supervise"] = ALLOWED["capture"] | {"capture"}
ALLOWED["cli"] = ALLOWED["supervise"] | {"supervise"}
# The extension uses the schema and the real CPython headers, and shares the reader of the record stream.
ALLOWED["replay_ext"] = frozenset({"proto", "format", "base"})

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
COMPARISON = re.compile(
    r"(\bminor(_version)?_?(\(\))?|\bhex_version_?(\(\))?|\bPY_VERSION_HEX|\bPy_Version)\s*([<>]=?|[!=]=)"
    r"|([<>]=?|[!=]=)\s*([\w.\->]+(\.|->))?(minor(_version)?|hex_version)\b"
    r"|\bswitch\s*\([^)]*(minor|hex_version)"
    r"|[<>=]=?\s*0x03[0-9a-fA-F]{6}\b"
)
MAY_COMPARE = re.compile(
    r"^snapshotter/cpython/(versions/|behaviours/|runtime_locator|python_version|debug_offsets|version_support)|^replay_ext/"
)
# Files split near 600 lines; generated tables are exempt.
MAX_LINES = 700


def without_comments(text: str) -> str:
    """The code with comments and string contents blanked, line numbers kept."""

    def blank(match: "re.Match[str]") -> str:
        found = match.group(0)
        if found.startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", found)
        return found

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def layer_of(path: str) -> str:
    """The layer that a source or an include path belongs to; empty for what is outside of the layers."""
    parts = path.split("/")
    if parts[0] == "snapshotter" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("proto", "replay_ext") else ""


def problems_of(path: str, text: str) -> Iterator[Tuple[int, str]]:
    """The violations of one file, as line and message."""
    layer = layer_of(path)
    code = without_comments(text)
    for number, line in enumerate(code.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            included = layer_of(match.group(1))
            if included and included != layer and included not in ALLOWED.get(layer, frozenset()):
                yield number, f"{layer} must not include {included} ({match.group(1)})"
        elif COMPARISON.search(line) and not MAY_COMPARE.match(path):
            yield number, "a CPython version is compared here; make it a member of VersionSupport"
    lines = text.count("\n")
    if lines > MAX_LINES and not path.endswith((".inc", ".def")):
        yield lines, f"{lines} lines: split the file (near 600)"


def sources() -> List[Path]:
    found: List[Path] = []
    for folder in ("snapshotter", "replay_ext/core"):
        for pattern in ("*.h", "*.cc", "*.c", "*.inc"):
            found += (ROOT / folder).rglob(pattern)
    return sorted(found)


def main(arguments: List[str]) -> int:
    failed = False
    for file in [Path(argument).resolve() for argument in arguments] or sources():
        path = file.relative_to(ROOT).as_posix()
        for line, message in problems_of(path, file.read_text(encoding="utf-8")):
            failed = True
            print(f"{path}:{line}: {message}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
