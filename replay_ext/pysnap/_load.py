"""pysnap.load: from a file to a Snapshot."""

from __future__ import annotations

import builtins
import gc
import os
import sys
from typing import Any, Dict, Optional, Union

from . import _builders, _known, _plugins, _reprs, _sources
from ._absent import Absent, BuiltinFunction, CodeFromOtherVersion, CodeNotRun, NotRecorded, Suspended
from ._numpy_real import RealArrays
from ._pandas import PANDAS_TYPES
from ._snapshot import Snapshot, SnapshotError

try:
    from . import _core
except ImportError as _error:
    raise ImportError(
        f"pysnap has no extension for this interpreter, Python {sys.version.split()[0]} ({sys.executable}): {_error}"
    ) from None


def load(path: Union[str, os.PathLike[str]], run_code: bool = False, import_libraries: bool = False) -> Snapshot:
    """Rebuild what the snapshot at `path` holds. No code of the snapshot runs; nothing is imported for it.

    Raises OSError if the file cannot be read and SnapshotError if it is not a snapshot, or damaged. With `run_code`
    captured functions can be called, where this is the same Python version. With `import_libraries` numpy is imported
    if this interpreter has it, and arrays and scalars are its own, not descriptions.
    """
    arrays = _real_arrays() if import_libraries else None
    plugins = {**PANDAS_TYPES, **_plugins.registered()}
    hooks: Dict[str, Any] = {
        "damaged": SnapshotError,
        "absent": Absent,
        "refused": CodeNotRun,
        "foreign": CodeFromOtherVersion,
        "suspended": Suspended,
        "builtin_function": BuiltinFunction,
        "known_types": {**_known.known_types(), **plugins},
        "repr_of": _reprs.replacement,
        "plain_types": {*_known.plain_types(), *plugins.values()},
        "version_types": _known.version_types(),
        "known_functions": _known.known_functions(),
        "part_builders": _builders.part_builders(),
        "keeping_types": _builders.keeping_types(),
        "stand_ins": {**_builders.stand_ins(), **({} if arrays is None else arrays.stand_ins())},
        "imported": {} if arrays is None else arrays.builders(),
    }
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        facts = _core.load(os.fspath(path), hooks, run_code)
    finally:
        if was_enabled:
            gc.enable()
    if arrays is not None:
        arrays.finish()
    for namespace in facts["globals"]:
        # Frames were given the interpreter's own builtins; exec and eval look for them here.
        if "__builtins__" in namespace:
            namespace["__builtins__"] = builtins
    for namespace, omitted in facts["partial"]:
        namespace.setdefault("__getattr__", NotRecorded(namespace.get("__name__"), omitted))
    _sources.install(facts["sources"], facts["globals"])
    return Snapshot(facts)


def _real_arrays() -> Optional[RealArrays]:
    try:
        return RealArrays()
    except ImportError:
        return None
