"""pysnap.load: from a file to a Snapshot."""

from __future__ import annotations

import builtins
import contextlib
import gc
import os
import sys
from typing import Any, Callable, Dict, NamedTuple, Tuple, Union

from . import _builders, _class_members, _known, _plugins, _reprs, _sources
from ._absent import Absent, BuiltinFunction, CodeFromOtherVersion, CodeNotRun, NotRecorded, Suspended
from ._environment import Environment, ImportedFunction, NamesFromModule, NotRecordedHere, offer_modules
from ._exit_codes import DAMAGED, ERROR, NO_FILE, PERMISSION, Failure
from ._numpy_real import RealArrays
from ._pandas import PANDAS_TYPES
from ._pandas_real import RealFrames
from ._permission import permit, permit_functions
from ._running import AbsentInCode, NotIterator, closed_generator, running_builders
from ._snapshot import Snapshot, SnapshotError
from ._standing import register
from ._torch_real import RealTensors

try:
    from . import _core
except ImportError as _error:
    raise ImportError(
        f"pysnap has no extension for this interpreter, Python {sys.version.split()[0]} ({sys.executable}): {_error}"
    ) from None


def load(path: Union[str, os.PathLike[str]], run_code: bool = False, import_libraries: bool = False) -> Snapshot:
    """Rebuild what the snapshot at `path` holds. No code of the snapshot runs; nothing is imported for it.

    Raises OSError if the file cannot be read and SnapshotError if it is not a snapshot, or damaged. With `run_code`
    captured functions can be called, generators go on, and what they need is imported; CodeFromOtherVersion is raised
    where this is not the Python version that their code was compiled for. With `import_libraries` numpy, pandas
    and torch are imported if this interpreter has them, and arrays, frames, tensors … are their own, not descriptions.
    """
    libraries = _libraries() if import_libraries else _NO_LIBRARIES
    plugins = {**libraries.types, **_plugins.registered()}
    hooks: Dict[str, Any] = {
        "damaged": SnapshotError,
        "absent": AbsentInCode if run_code else Absent,
        "refused": CodeNotRun,
        "foreign": CodeFromOtherVersion,
        "suspended": Suspended,
        "closed": closed_generator,
        "not_iterator": NotIterator,
        "builtin_function": ImportedFunction if run_code else BuiltinFunction,
        "known_types": {**_known.known_types(), **plugins},
        "repr_of": _reprs.replacement,
        "plain_types": {*_known.plain_types(), *plugins.values()},
        "version_types": _known.version_types(),
        "known_functions": _known.known_functions(),
        "part_builders": _builders.part_builders(),
        "keeping_types": _builders.keeping_types(),
        "stand_ins": {**_builders.stand_ins(), **libraries.stand_ins, **(running_builders() if run_code else {})},
        "imported": libraries.builders,
    }
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        facts = _core.load(os.fspath(path), hooks, run_code)
    finally:
        if was_enabled:
            gc.enable()
    if run_code and not facts["same_code"]:
        raise CodeFromOtherVersion(
            f"its code was compiled for Python {facts['header']['python']} and cannot run with"
            f" {sys.version.split()[0]} ({sys.executable})"
        )
    running = facts["running"]
    for finish in libraries.finish:
        finish()
    for namespace in facts["globals"]:
        # Frames were given the interpreter's own builtins; exec and eval look for them here.
        if "__builtins__" in namespace:
            namespace["__builtins__"] = builtins
    environment = None
    if run_code:
        environment = Environment([*running["types"], *running["functions"]], running["bare"])
        for namespace, omitted in facts["partial"]:
            namespace["__builtins__"] = NamesFromModule(environment, namespace)
            namespace["__getattr__"] = NotRecordedHere(environment, namespace, omitted)
        # Modules of which there is nothing but what functions have for their globals.
        known = {id(namespace) for namespace in facts["globals"]}
        for function in running["functions"]:
            namespace = function.__globals__
            if id(namespace) not in known:
                known.add(id(namespace))
                namespace["__builtins__"] = NamesFromModule(environment, namespace)
        _core.take_builtins(running["functions"])
    else:
        for namespace, omitted in facts["partial"]:
            namespace["__getattr__"] = NotRecorded(namespace.get("__name__"), omitted)
    _class_members.complete(facts["partial_types"], facts["same_code"], environment)
    _sources.install(facts["sources"], facts["globals"])
    if run_code:
        permit(running["codes"])
        permit_functions(running["functions"])
        offer_modules(running["modules"])
    snapshot = Snapshot(facts, run_code)
    if run_code:
        register(snapshot, running["standing"], running["ended"], facts["threads"])
    return snapshot


def load_for_command(path: str, run_code: bool = False, import_libraries: bool = False) -> Snapshot:
    """The same; what is raised is a Failure with the exit code of the contract."""
    try:
        return load(path, run_code=run_code, import_libraries=import_libraries)
    except CodeFromOtherVersion as error:
        raise Failure(ERROR, str(error)) from None
    except SnapshotError as error:
        raise Failure(DAMAGED, str(error)) from None
    except PermissionError as error:
        raise Failure(PERMISSION, error.strerror or str(error)) from None
    except OSError as error:
        raise Failure(NO_FILE, error.strerror or str(error)) from None


class _Libraries(NamedTuple):
    """What libraries that are imported have to say to the loader, by the module and the name of types."""

    types: Dict[Tuple[str, str], type]
    stand_ins: Dict[Tuple[str, str], Callable[..., Any]]
    builders: Dict[Tuple[str, str], Callable[..., Any]]
    finish: Tuple[Callable[[], None], ...]

    def with_more(
        self,
        stand_ins: Dict[Tuple[str, str], Callable[..., Any]],
        builders: Dict[Tuple[str, str], Callable[..., Any]],
        *finish: Callable[[], None],
    ) -> _Libraries:
        return self._replace(
            stand_ins={**self.stand_ins, **stand_ins},
            builders={**self.builders, **builders},
            finish=(*self.finish, *finish),
        )


_NO_LIBRARIES = _Libraries(PANDAS_TYPES, {}, {}, ())


def _libraries() -> _Libraries:
    """Of those that this interpreter has."""
    found = _NO_LIBRARIES
    with contextlib.suppress(ImportError):
        arrays = RealArrays()
        found = found.with_more(arrays.stand_ins(), arrays.builders(), arrays.finish)
    with contextlib.suppress(ImportError):
        frames = RealFrames()
        found = found._replace(types=frames.known_types()).with_more({}, frames.builders(), frames.finish)
    with contextlib.suppress(ImportError):
        tensors = RealTensors()
        found = found.with_more(tensors.stand_ins(), tensors.builders())
    return found
