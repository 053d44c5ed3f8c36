#!/usr/bin/env python3
"""Generates snapshotter/cpython/versions/v3_N.layout.inc from CPython's own headers.

  scripts/gen_layout.py                          every version whose headers are found
  scripts/gen_layout.py --include 3.14=DIR       take a version's headers from DIR (holding Python.h)
  scripts/gen_layout.py --check                  compare with what is checked in; exit 1 on a difference

A probe with one constant per field of fields.def is compiled with Py_BUILD_CORE; what a version does not have is
dropped by the compiler's errors, and the values are read from the assembly. Nothing is run, so any headers will do.
The debug column is the same probe with -DPy_DEBUG, compared with the debug build's own headers where there are some.
Structs that no header declares come from private_structs.txt.

Of several micro versions found, the one that the checked-in numbers are from is taken. When it is not there, --check
leaves out what moves between micro versions.
"""

from __future__ import annotations

import argparse
import difflib
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import layout_names

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIELDS_DEF = ROOT / "snapshotter" / "cpython" / "fields.def"
VERSIONS = ROOT / "snapshotter" / "cpython" / "versions"
PRIVATE = pathlib.Path(__file__).resolve().parent / "private_structs.txt"
CMAKE = ROOT / "CMakeLists.txt"
SIZE = "size_"

Key = Tuple[str, str]
Table = Dict[Key, int]


class Candidate(NamedTuple):
    key: Key
    expression: str


class Headers(NamedTuple):
    """Where the headers of one build are."""

    minor: int
    version: str  # PY_VERSION of the headers
    include: str  # the folder that holds Python.h
    debug_include: Optional[str]  # the same for the debug build, where it has its own


def supported_minors() -> List[int]:
    match = re.search(r"set\(PYSNAP_CPYTHON_MINORS ([\d ]+)\)", CMAKE.read_text())
    if match is None:
        raise SystemExit(f"no PYSNAP_CPYTHON_MINORS in {CMAKE}")
    return [int(minor) for minor in match.group(1).split()]


def read_fields() -> List[Tuple[str, List[str]]]:
    """The structs of fields.def in order, each with its fields in order."""
    structs: List[Tuple[str, List[str]]] = []
    for line in FIELDS_DEF.read_text().splitlines():
        match = re.match(r"PYSNAP_(STRUCT|FIELD|END)\((\w+)(?:, (\w+))?\)", line)
        if match is None:
            continue
        what, struct, field = match.groups()
        if what == "STRUCT":
            structs.append((struct, []))
        elif structs[-1][0] != struct:
            raise SystemExit(f"fields.def: {line!r} is within {structs[-1][0]}")
        elif what == "FIELD":
            structs[-1][1].append(field)
    return structs


def read_private(minor: int) -> Table:
    """The numbers of private_structs.txt for one version."""
    table: Table = {}
    struct = ""
    columns: List[str] = []
    for line in PRIVATE.read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "columns:":
            columns = words[1:]
        elif len(words) == 1:
            struct = words[0].rstrip(":")
        else:
            value = words[1 + columns.index(f"3.{minor}")]
            if value != "-":
                table[struct, words[0]] = int(value)
    return table


def split_names(field: str) -> List[str]:
    """The members that a joined name may stand for: a_b_c is a_b_c, a.b_c or a_b.c."""
    return [field] + [f"{field[:at]}.{field[at + 1 :]}" for at, c in enumerate(field) if c == "_" and at > 0]


def candidates(structs: Sequence[Tuple[str, List[str]]]) -> Iterator[Candidate]:
    """Every way to say every number, best first."""
    for struct, fields in structs:
        types = layout_names.TYPES.get(struct, [struct])
        for field in [SIZE, *fields]:
            key = (struct, field)
            if key in layout_names.EXPRESSIONS:
                for expression in layout_names.EXPRESSIONS[key]:
                    yield Candidate(key, expression)
            elif field == SIZE:
                for c_type in types:
                    yield Candidate(key, f"sizeof({c_type})")
            else:
                members = layout_names.MEMBERS.get(key, [field])
                if struct == "_Py_DebugOffsets":
                    members = split_names(field)
                for c_type in types:
                    for member in members:
                        yield Candidate(key, f"offsetof({c_type}, {member})")
                        if c_type == "_PyThreadStateImpl":
                            yield Candidate(key, f"offsetof({c_type}, base.{member})")


def probe_source(
    internal_headers: Sequence[str], probes: Sequence[Tuple[int, Candidate]]
) -> Tuple[str, Dict[int, int]]:
    """The C source, and which probe stands on which line."""
    lines = [
        "#define Py_BUILD_CORE 1",
        "#include <stddef.h>",
        '#include "Python.h"',
        # To 3.10 frameobject.h and structmember.h are not part of Python.h.
        '#include "frameobject.h"',
        '#include "structmember.h"',
        '#include "datetime.h"',
        *(f'#include "internal/{name}"' for name in internal_headers),
        "#if defined(Py_GIL_DISABLED)",
        "#error free-threaded headers",
        "#endif",
        "const char pysnap_version[] = PY_VERSION;",
    ]
    by_line: Dict[int, int] = {}
    for index, candidate in probes:
        lines.append(f"const long long pysnap_probe_{index} = (long long)({candidate.expression});")
        by_line[len(lines)] = index
    return "\n".join(lines) + "\n", by_line


def compile_probe(compiler: str, include: str, debug: bool, source: str, mode: str) -> Tuple[str, str]:
    """Compiles `source`; returns the assembly (for -S) and what the compiler said."""
    with tempfile.TemporaryDirectory() as folder:
        # Debian's pyconfig.h includes <TRIPLET/python3.N/pyconfig.h> from the folder above, which may be that of
        # another system whose other headers must not be seen.
        for triplet in pathlib.Path(include).parent.glob("*-linux-gnu*"):
            (pathlib.Path(folder) / triplet.name).symlink_to(triplet.resolve())
        path = pathlib.Path(folder) / "probe.c"
        path.write_text(source)
        output = pathlib.Path(folder) / "probe.s"
        command = [compiler, "-std=gnu11", "-w", "-fmax-errors=0", "-O0", "-fno-lto", "-fdiagnostics-color=never"]
        command += [f"-I{directory}" for directory in (include, f"{include}/internal", folder)]
        command += ["-DPy_DEBUG=1"] if debug else ["-UPy_DEBUG"]
        command += [mode, str(path), *(["-o", str(output)] if mode == "-S" else [])]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
        return (output.read_text() if output.exists() else ""), done.stderr


# The internal headers that do not compile in every translation unit, and declare nothing we read.
UNUSABLE = re.compile(
    r"pycore_(.*_init.*|init_config|initconfig|.*_generated|opcode.*|uop.*|atomic_funcs|bitutils|jit|mimalloc.*|.*windows.*"
    r"|emscripten.*|.*_data.*|hashtable|unicodedb|blocks_output_buffer|.*_ids|intrinsics|.*trampoline.*|asdl|ast|ast_state"
    r"|condvar|backoff|cpuinfo|remote_debug.*|global_objects_fini.*|parser|flowgraph|compile|symtable|magic_number)\.h"
)


def read_assembly(assembly: str) -> Dict[int, int]:
    """The values of the constants named pysnap_probe_N."""
    values: Dict[int, int] = {}
    current: Optional[int] = None
    for line in assembly.splitlines():
        label = re.match(r"pysnap_probe_(\d+):", line)
        if label:
            current = int(label.group(1))
            continue
        if current is None:
            continue
        data = re.match(r"\s+\.(quad|xword|8byte|zero)\s+(-?\d+)", line)
        if data:
            values[current] = 0 if data.group(1) == "zero" else int(data.group(2))
            current = None
    return values


def probe(compiler: str, include: str, minor: int, debug: bool, structs: Sequence[Tuple[str, List[str]]]) -> Table:
    """The table of one build."""
    names = sorted(path.name for path in (pathlib.Path(include) / "internal").glob("pycore_*.h"))
    internal = [name for name in names if not UNUSABLE.match(name)]
    everything = list(enumerate(candidates(structs)))
    source, by_line = probe_source(internal, everything)
    _, said = compile_probe(compiler, include, debug, source, "-fsyntax-only")
    missing = set()
    for match in re.finditer(r"^(.*):(\d+):\d+: (?:fatal )?error: (.*)$", said, re.MULTILINE):
        path, line, what = match.groups()
        if not path.endswith("probe.c") or int(line) not in by_line:
            raise SystemExit(f"3.{minor}: the headers do not compile: {path}:{line}: {what}")
        missing.add(by_line[int(line)])
    source, _ = probe_source(internal, [item for item in everything if item[0] not in missing])
    assembly, said = compile_probe(compiler, include, debug, source, "-S")
    values = read_assembly(assembly)
    if not values:
        raise SystemExit(f"3.{minor}: the probe does not compile: {said}")
    table: Table = {}
    for index, candidate in everything:
        if index in values and candidate.key not in table:
            table[candidate.key] = values[index]
    # A struct that no header declares comes from DWARF, whole; one that both have must agree.
    for key, value in read_private(minor).items():
        if table.setdefault(key, value) != value:
            raise SystemExit(f"3.{minor}: {key[0]}.{key[1]}: private_structs.txt has {value}, headers {table[key]}")
    return table


def format_inc(headers: Headers, structs: Sequence[Tuple[str, List[str]]], release: Table, debug: Table) -> str:
    def show(value: Optional[int]) -> str:
        return "kNoOffset" if value is None else str(value)

    lines = [
        f"// Generated by scripts/gen_layout.py from the headers of CPython {headers.version}. Do not edit.",
        "// PYSNAP_BUILD(release, debug) is a number that differs between the two builds.",
    ]
    for struct, fields in structs:
        members = []
        for field in [SIZE, *fields]:
            ours, theirs = release.get((struct, field)), debug.get((struct, field))
            if ours is None and theirs is None:
                continue
            text = show(ours) if ours == theirs else f"PYSNAP_BUILD({show(ours)}, {show(theirs)})"
            members.append(f"        .{field} = {text},")
        if members:
            lines += [f".{struct} =", "    {", *members, "    },"]
    return "\n".join(lines) + "\n"


def python_version(include: str) -> Optional[str]:
    """PY_VERSION as patchlevel.h in `include` has it."""
    try:
        text = (pathlib.Path(include) / "patchlevel.h").read_text()
    except OSError:
        return None
    match = re.search(r'#define PY_VERSION\s+"([^"]+)"', text)
    return match.group(1) if match else None


def headers_from(include: str) -> Optional[Headers]:
    version = python_version(include)
    if version is None:
        return None
    debug = include + "d"
    return Headers(int(version.split(".")[1]), version, include, debug if python_version(debug) == version else None)


def cache_folder() -> str:
    """Where scripts/interpreters.sh keeps what it fetched."""
    return os.environ.get("PYSNAP_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pysnap"
    )


def find_headers(given: Sequence[str]) -> Dict[int, List[Headers]]:
    """Every version's headers that can be found: those given, then pyenv's, the cache's, the system's."""
    patterns = [
        os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions/*/include/python3.*"),
        os.path.join(cache_folder(), "root*/usr/include/python3.*"),
        "/usr/include/python3.*",
        "/usr/local/include/python3.*",
    ]
    places = [item.split("=", 1)[1] for item in given]
    for pattern in patterns:
        places += sorted(glob.glob(pattern))
    found: Dict[int, List[Headers]] = {}
    for place in places:
        if re.search(r"python3\.\d+(t|d|td|dm)$", place):
            continue
        headers = headers_from(place)
        if headers is not None and (pathlib.Path(place) / "internal").is_dir():
            found.setdefault(headers.minor, []).append(headers)
    return found


def layout_path(minor: int) -> pathlib.Path:
    return VERSIONS / f"v3_{minor}.layout.inc"


def recorded_version(minor: int) -> Optional[str]:
    """The version whose headers the checked-in numbers are from."""
    try:
        match = re.search(r"headers of CPython (\S+)\. Do not edit", layout_path(minor).read_text())
    except OSError:
        return None
    return match.group(1) if match else None


def read_layout(minor: int, debug: bool) -> Table:
    """The checked-in numbers of one build."""
    table: Table = {}
    struct = ""
    for line in layout_path(minor).read_text().splitlines():
        match = re.match(r"\.(\w+) =$", line)
        if match:
            struct = match.group(1)
        match = re.match(r"\s+\.(\w+) = (?:(-?\d+)|PYSNAP_BUILD\((\S+), (\S+)\)),", line)
        if match:
            value = match.group(2) or match.group(4 if debug else 3)
            if value != "kNoOffset":
                table[struct, match.group(1)] = int(value)
    return table


def check_other_micro(minor: int, generated: Dict[bool, Table]) -> List[str]:
    """What differs from the checked-in numbers beyond what moves between micro versions."""
    problems: List[str] = []
    for debug, table in generated.items():
        ours = read_layout(minor, debug)
        for key in sorted(set(ours) | set(table)):
            if key[0] not in layout_names.MOVING and ours.get(key) != table.get(key):
                name = ".".join(key) + (" (debug)" if debug else "")
                problems.append(f"{name}: {ours.get(key)} checked in, {table.get(key)} generated")
    return problems


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is checked in")
    parser.add_argument("--include", action="append", default=[], metavar="3.N=DIR", help="headers of a version")
    parser.add_argument("--cc", default="gcc", help="the C compiler (default: gcc)")
    parser.add_argument("--json", metavar="FILE", help="also write the tables as JSON")
    parser.add_argument("minors", nargs="*", type=int, metavar="N", help="only these versions 3.N")
    options = parser.parse_args(arguments)

    structs = read_fields()
    found = find_headers(options.include)
    different = False
    tables: Dict[str, Dict[str, int]] = {}
    for minor in options.minors or supported_minors():
        if minor not in found:
            print(f"3.{minor}: no headers found, left as it is", file=sys.stderr)
            continue
        recorded = recorded_version(minor)
        same = [headers for headers in found[minor] if headers.version == recorded]
        headers = (same or found[minor])[0] if not options.include else found[minor][0]
        release = probe(options.cc, headers.include, minor, False, structs)
        debug = probe(options.cc, headers.include, minor, True, structs)
        if headers.debug_include and probe(options.cc, headers.debug_include, minor, True, structs) != debug:
            raise SystemExit(f"3.{minor}: -DPy_DEBUG gives other numbers than the headers in {headers.debug_include}")
        tables[f"3.{minor}"] = {".".join(key): value for key, value in release.items()}
        tables[f"3.{minor}d"] = {".".join(key): value for key, value in debug.items()}
        path = layout_path(minor)
        before = path.read_text() if path.exists() else ""
        text = format_inc(headers, structs, release, debug)
        differences: List[str] = []
        if options.check and headers.version != recorded:
            differences = check_other_micro(minor, {False: release, True: debug})
        elif options.check:
            lines = difflib.unified_diff(before.splitlines(), text.splitlines(), str(path), "generated", "", "", 1, "")
            differences = list(lines)
        elif before != text:
            path.write_text(text)
        different = different or bool(differences)
        fields = sum(1 for key in release if key[1] != SIZE)
        note = f" (checked in: {recorded})" if headers.version != recorded else ""
        changed = ", changed" if differences or (not options.check and before != text) else ""
        print(f"3.{minor}: {headers.version}{note}, {fields} fields{changed}")
        for line in differences:
            print(f"  {line}")
        if options.minors and layout_path(minor - 1).exists():
            # For whoever adds a version: what the one before had.
            gone = [".".join(key) for key in read_layout(minor - 1, False) if key not in release]
            print(f"  gone since 3.{minor - 1}: {', '.join(gone) or 'nothing'}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(tables, indent=1, sort_keys=True))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
