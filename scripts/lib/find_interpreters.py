"""Lists the CPython interpreters of this machine: PATH, pyenv, Debian, the cache's roots and PYSNAP_PYTHONS.

Called by scripts/interpreters.sh. Each interpreter is asked once what it is; the answer is kept in the cache until its
file changes. Shims and other scripts, other implementations and second names of one file are left out.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional

MINORS = range(8, 16)

Interpreter = Dict[str, Any]

NAME = re.compile(r"python(3(\.\d+)?)?(d|t|td|-dbg)?$")

QUERY = r"""
import json, os, sys, sysconfig
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "release_level": sys.version_info[3],
    "minor": sys.version_info[1],
    "major": sys.version_info[0],
    "debug": hasattr(sys, "gettotalrefcount"),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "ext_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
    "soabi": sysconfig.get_config_var("SOABI"),
    "include": [sysconfig.get_path("include"), sysconfig.get_path("platinclude"),
                os.path.dirname(sysconfig.get_config_h_filename())],
    "test_suite": os.path.isfile(os.path.join(sysconfig.get_path("stdlib"), "test", "test_list.py")),
}))
"""


def cache_dir() -> Path:
    """The folder that scripts/lib/common.sh calls CACHE_DIR."""
    explicit = os.environ.get("PYSNAP_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pysnap"


def named_pythons(folder: Path) -> Iterator[Path]:
    """The files of a folder that are named like an interpreter, the most specific names first."""
    try:
        names = sorted((entry for entry in os.listdir(folder) if NAME.match(entry)), key=lambda n: (-len(n), n))
    except OSError:
        return
    for name in names:
        yield folder / name


def candidates(cache: Path) -> Iterator[Path]:
    """Everything that may be an interpreter, in order of preference."""
    for entry in os.environ.get("PYSNAP_PYTHONS", "").split(":"):
        if entry:
            yield Path(entry)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    folders += sorted(pyenv.glob("versions/*/bin"))
    folders += [Path("/usr/local/bin"), Path("/usr/bin"), cache / "bin"]
    for folder in folders:
        yield from named_pythons(folder)


def is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def root_of(path: Path, cache: Path) -> Optional[Path]:
    """The Debian root that one of the cache's own commands enters; None for any other file."""
    if path.parent != (cache / "bin").resolve():
        return None
    match = re.search(r"^ROOT=(.*)$", path.read_text(errors="replace"), re.MULTILINE)
    return Path(match.group(1)) if match else None


def host_includes(answer: Interpreter, root: Optional[Path], cache: Path) -> List[str]:
    """The include folders as the host sees them; empty where the headers are not installed."""
    folders: List[str] = []
    for folder in answer["include"]:
        path = Path(str(root) + folder) if root else Path(folder)
        if str(path) not in folders and path.is_dir():
            folders.append(str(path))
    if not any((Path(folder) / "Python.h").exists() for folder in folders):
        return []
    if root and (cache / "include").is_dir():
        folders.append(str(cache / "include"))
    return folders


def ask(path: Path, root: Optional[Path], cache: Path) -> Optional[Interpreter]:
    """Runs the interpreter to learn what it is; None when it does not run or is not CPython."""
    try:
        result = subprocess.run(
            [str(path), "-I", "-c", QUERY],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=True,
            cwd="/",
        )
        answer: Interpreter = json.loads(result.stdout.decode())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if answer.pop("implementation") != "cpython":
        return None
    answer["include"] = host_includes(answer, root, cache)
    executable = Path(str(root) + "/usr/bin/" + path.name) if root else path
    return {"path": str(path), "root": str(root) if root else None, "executable": str(executable.resolve()), **answer}


def fingerprint(path: Path, root: Optional[Path]) -> str:
    """Changes whenever the interpreter or its headers may have changed."""
    parts = []
    programs = [path] + ([Path(str(root) + "/usr/bin/" + path.name), root / ".pysnap-root"] if root else [])
    programs.append((root or Path("/")) / "usr/include")
    for program in programs:
        status = program.stat()
        parts.append(f"{status.st_mtime_ns}:{status.st_size}")
    return " ".join(parts)


def load_answers(file: Path) -> Dict[str, Any]:
    try:
        answers = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) and answers.get("query") == QUERY else {}


def find(cache: Path) -> List[Interpreter]:
    """All interpreters, of any version."""
    store = cache / "interpreters.json"
    known = load_answers(store).get("answers", {})
    wanted: Dict[str, str] = {}
    roots: Dict[str, Optional[Path]] = {}
    for candidate in candidates(cache):
        path = candidate.resolve()
        key = str(path)
        if key in wanted or not os.access(path, os.X_OK) or not path.is_file():
            continue
        root = root_of(path, cache)
        if root is None and is_script(path):
            continue
        try:
            wanted[key] = fingerprint(path, root)
        except OSError:
            continue
        roots[key] = root
    unknown = [key for key in wanted if known.get(key, {}).get("fingerprint") != wanted[key]]
    with ThreadPoolExecutor(4) as pool:
        asked = dict(zip(unknown, pool.map(lambda key: ask(Path(key), roots[key], cache), unknown)))
    answers: Dict[str, Dict[str, Any]] = {
        key: {"fingerprint": wanted[key], "answer": asked[key] if key in asked else known[key]["answer"]}
        for key in wanted
    }
    if unknown or answers.keys() != known.keys():
        save(store, {"query": QUERY, "answers": answers})
    found: List[Interpreter] = [entry["answer"] for entry in answers.values() if entry["answer"]]
    return with_tags(found)


def save(store: Path, content: Dict[str, Any]) -> None:
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        temporary = store.with_name(f".{store.name}.{os.getpid()}")
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(store)
    except OSError:
        pass  # Only slower the next time.


def with_tags(interpreters: Iterable[Interpreter]) -> List[Interpreter]:
    """Sorted by version, each with a name of its own: 3.14.8, 3.14.8d, and 3.14.8#2 for a second one."""
    result: List[Interpreter] = []
    seen: Dict[str, int] = {}
    for entry in sorted(interpreters, key=lambda e: (e["major"], e["minor"], e["debug"], e["free_threaded"])):
        tag = entry["version"] + ("t" if entry["free_threaded"] else "") + ("d" if entry["debug"] else "")
        seen[tag] = seen.get(tag, 0) + 1
        result.append({"tag": tag if seen[tag] == 1 else f"{tag}#{seen[tag]}", **entry})
    return result


def supported(entry: Interpreter) -> bool:
    return entry["major"] == 3 and entry["minor"] in MINORS


def missing(interpreters: List[Interpreter]) -> List[int]:
    """The minor versions of which there is no release build, no debug build or no headers."""
    complete = {(e["minor"], e["debug"]) for e in interpreters if e["include"] and not e["free_threaded"]}
    return [minor for minor in MINORS if not {(minor, False), (minor, True)} <= complete]


def print_table(interpreters: List[Interpreter]) -> None:
    for entry in interpreters:
        notes = [
            word
            for word, present in (
                ("no headers", not entry["include"]),
                ("test suite", entry["test_suite"]),
                ("in a Debian root", entry["root"]),
            )
            if present
        ]
        print(
            f"{entry['tag']:<10} {entry['path']}  ({', '.join(notes)})"
            if notes
            else f"{entry['tag']:<10} {entry['path']}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.add_argument("--table", action="store_true", help="print the list for people")
    parser.add_argument("--missing", action="store_true", help="print the minors of which a build is missing")
    parser.add_argument("--all", action="store_true", help="versions that pysnap does not support, too")
    options = parser.parse_args()
    interpreters = find(cache_dir())
    chosen = interpreters if options.all else [entry for entry in interpreters if supported(entry)]
    if options.missing:
        print("\n".join(str(minor) for minor in missing([e for e in interpreters if supported(e)])))
    if options.table:
        print_table(chosen)
    if options.json:
        print(json.dumps({"interpreters": chosen}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
