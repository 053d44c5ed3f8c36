#!/usr/bin/env python3
"""Compares the generated layouts with the debug information of real builds.

  scripts/check_dwarf.py 3.13d BINARY [MODULE.so ...]     one build: its executable or libpython, and extension modules
  scripts/check_dwarf.py                                  every debug build that scripts/interpreters.sh has found

Needs build/bin/pysnap_dwarf_structs. A binary of another micro version than the headers may differ in the structs that
move between micro versions; those are listed apart and do not fail.
"""

from __future__ import annotations

import argparse
import glob
import os
import pathlib
import re
import subprocess
import sys
from typing import Dict, List, Sequence

import gen_layout
import layout_names

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / "build" / "bin" / "pysnap_dwarf_structs"
# The names under which CPython's .c files have what private_structs.txt lists.
PRIVATE_NAMES = {
    "PyDictKeysObject": ["_dictkeysobject"],
    "PyODictObject": ["_odictobject"],
    "_dequeblock": ["BLOCK"],
    "PyContextVar": ["_pycontextvarobject"],
    "PyContext": ["_pycontextobject"],
    "_PyListIterObject": ["_PyListIterObject", "listiterobject"],
    "_PyTupleIterObject": ["_PyTupleIterObject", "tupleiterobject"],
    "unionobject": ["unionobject", "_PyUnionObject"],
    "PyDictValues": ["_dictvalues"],
    "rangeobject": ["rangeobject", "_PyRangeObject"],
}


def type_names(struct: str) -> List[str]:
    """What a struct may be called in debug information, best first."""
    types = layout_names.TYPES.get(struct, [struct])
    return [name.replace("struct ", "") for name in types] + PRIVATE_NAMES.get(struct, [])


def read_dwarf(binary: str, names: Sequence[str]) -> Dict[str, Dict[str, int]]:
    """Struct name -> member path -> offset."""
    done = subprocess.run([str(TOOL), binary, *names], stdout=subprocess.PIPE, check=True, text=True)
    structs: Dict[str, Dict[str, int]] = {}
    for line in done.stdout.splitlines():
        name, member, offset = line.split()
        structs.setdefault(name, {}).setdefault(member, int(offset))
    return structs


def compare(build: str, binaries: Sequence[str]) -> bool:
    """Prints what differs in one build; whether it agrees."""
    minor = int(re.sub(r"\D", "", build.split(".")[1]))
    table = gen_layout.read_layout(minor, build.endswith("d"))
    fields = gen_layout.read_fields()
    private = {struct for struct, _ in gen_layout.read_private(minor)}
    names = sorted({name for struct, _ in fields for name in type_names(struct)})
    dwarf: Dict[str, Dict[str, int]] = {}
    for binary in binaries:
        for name, offsets_of in read_dwarf(binary, names).items():
            dwarf.setdefault(name, offsets_of)
    agree = 0
    differ: List[str] = []
    moved: List[str] = []
    unknown = set()
    for struct, members in fields:
        found = [dwarf[name] for name in type_names(struct) if name in dwarf]
        for field in [gen_layout.SIZE, *members]:
            key = (struct, field)
            if key in layout_names.EXPRESSIONS or struct == "PyManagedDict":
                continue
            if key not in table and struct in private:
                continue  # private_structs.txt has what is read
            candidates = layout_names.MEMBERS.get(key, [field])
            if struct == "_Py_DebugOffsets":
                candidates = gen_layout.split_names(field)
            candidates = [*candidates, *(f"base.{name}" for name in candidates)]
            offsets = [one[name] for one in found for name in candidates if name in one]
            if not found:
                if key in table:
                    unknown.add(struct)
            elif (offsets[0] if offsets else None) == table.get(key):
                agree += key in table
            else:
                line = f"{struct}.{field}: {table.get(key)} here, {offsets[0] if offsets else None} in the build"
                (moved if struct in layout_names.MOVING else differ).append(line)
    print(
        f"{build}: {agree} numbers agree, {len(differ)} differ, {len(moved)} moved; not in the debug information: "
        f"{' '.join(sorted(unknown)) or 'none'}"
    )
    for line in moved:
        print(f"  moved: {line}")
    for line in differ:
        print(f"  DIFFERS: {line}")
    return not differ


def builds_here() -> Dict[str, List[str]]:
    """The debug builds of the cache's Debian roots and of the system, with their extension modules."""
    builds: Dict[str, List[str]] = {}
    for root in ["/", *sorted(glob.glob(os.path.join(gen_layout.cache_folder(), "root*")))]:
        for binary in glob.glob(os.path.join(root, "usr/bin/python3.*d")):
            minor = re.match(r"python3\.(\d+)d$", os.path.basename(binary))
            if minor and int(minor.group(1)) in gen_layout.supported_minors():
                modules = os.path.join(root, f"usr/lib/python3.{minor.group(1)}/lib-dynload/*.cpython-*d-*.so")
                private = re.compile(r"_asyncio|_collections|array")
                wanted = [module for module in glob.glob(modules) if private.match(os.path.basename(module))]
                builds.setdefault(f"3.{minor.group(1)}d", [binary, *wanted])
    return builds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="such as 3.13 or 3.13d")
    parser.add_argument("binaries", nargs="*")
    options = parser.parse_args()
    builds = {options.build: options.binaries} if options.build else builds_here()
    # Every build is compared, whatever the first says.
    results = [compare(build, binaries) for build, binaries in sorted(builds.items())]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
