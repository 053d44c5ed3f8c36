"""Regenerates what is checked in but made from the CPythons of this machine. Run by scripts/dev.sh fixtures.

A file is replaced only when its generator succeeds; `git diff` shows what changed. Bytecode fixtures hold what one run
of an interpreter specialised, and may differ without anything being wrong.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parent.parent.parent
FORMAT = ROOT / "snapshotter" / "format"
FIXTURES = ROOT / "tests" / "fixtures"
FIRST_SPECIALISED = 11  # the first version that rewrites its bytecode


def releases() -> Dict[int, Dict[str, Any]]:
    """For each minor version a release build that has its headers; the newest micro version of them."""
    listed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "lib" / "find_interpreters.py"), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    chosen: Dict[int, Dict[str, Any]] = {}
    for entry in json.loads(listed)["interpreters"]:
        if not entry["debug"] and not entry["free_threaded"] and entry["include"]:
            best = chosen.get(entry["minor"])
            micro = int(entry["version"].rsplit(".", 1)[1])
            if best is None or micro > int(best["version"].rsplit(".", 1)[1]):
                chosen[entry["minor"]] = entry
    return chosen


def write(path: Path, command: List[str]) -> None:
    print(path.relative_to(ROOT))
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=str(ROOT)).stdout
    path.write_bytes(output)


def main() -> int:
    scripts = ROOT / "scripts"
    found = releases()
    paths = [found[minor]["path"] for minor in sorted(found)]
    subprocess.run([sys.executable, str(scripts / "gen_layout.py")], check=True)
    write(FORMAT / "unicode_printable.inc", [sys.executable, str(scripts / "gen_printable.py"), *paths])
    write(FORMAT / "standard_modules.inc", [sys.executable, str(scripts / "gen_standard_modules.py"), *paths])
    for minor, entry in sorted(found.items()):
        line_tables = FIXTURES / "record_line_tables.py"
        write(FIXTURES / "line_tables" / f"v3_{minor}.json", [entry["path"], str(line_tables)])
        subprocess.run([sys.executable, str(scripts / "gen_opcodes.py"), str(minor), entry["include"][0]], check=True)
        effects = ROOT / "snapshotter" / "cpython" / "versions" / f"v3_{minor}.stack_effects.inc"
        write(effects, [entry["path"], str(scripts / "gen_stack_effects.py")])
        if minor >= FIRST_SPECIALISED:
            bytecode = FIXTURES / "record_bytecode.py"
            write(FIXTURES / "bytecode" / f"v3_{minor}.json", [entry["path"], str(bytecode)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
