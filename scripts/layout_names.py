"""What the names in snapshotter/cpython/fields.def are called in each CPython version.

A struct is tried under each C type listed in TYPES (its own name when it is not listed), a field under each member
listed in MEMBERS (its own name when it is not listed); the first pair that compiles against a version's headers counts.
To follow a rename, add the new name in front. The structs that no header declares are in private_structs.txt.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

TYPES: Dict[str, List[str]] = {
    "_gil_runtime_state": ["struct _gil_runtime_state"],
    # A PyThreadState is the first member of the _PyThreadStateImpl that CPython allocates from 3.13 on.
    "PyThreadState": ["_PyThreadStateImpl", "PyThreadState"],
    "_gc_runtime_state": ["struct _gc_runtime_state"],
    "gc_generation": ["struct gc_generation"],
    "gc_generation_stats": ["struct gc_generation_stats"],
    "gc_stats": ["struct gc_stats"],
    "llist_node": ["struct llist_node"],
    "_PyCFrame": ["_PyCFrame", "CFrame"],
    "_PyErr_StackItem": ["_PyErr_StackItem"],
    "PyDictKeysObject": ["struct _dictkeysobject"],
    "PyDictValues": ["struct _dictvalues"],
    "PyHeapTypeObject": ["PyHeapTypeObject"],
    "PyMemberDef": ["PyMemberDef", "struct PyMemberDef"],
    "wrapperbase": ["struct wrapperbase"],
    "PyWeakReference": ["PyWeakReference"],
    "PyContextVar": ["struct _pycontextvarobject"],
    "PyContext": ["struct _pycontextobject"],
    "PyDictKeyEntry": ["PyDictKeyEntry"],
    "rangeobject": ["_PyRangeObject"],
    "PyODictObject": ["struct _odictobject"],
    "_odictnode": ["struct _odictnode"],
    "PyBaseExceptionGroupObject": ["PyBaseExceptionGroupObject"],
    "PyAsyncGenObject": ["PyAsyncGenObject"],
}

MEMBERS: Dict[Tuple[str, str], List[str]] = {
    ("_PyRuntimeState", "finalizing"): ["_finalizing", "finalizing"],
    ("_PyRuntimeState", "interpreters_head"): ["interpreters.head"],
    ("_PyRuntimeState", "ceval_gil"): ["ceval.gil"],
    ("_PyRuntimeState", "gilstate_tstate_current"): ["gilstate.tstate_current"],
    ("_gc_runtime_state", "generations"): ["generations", "young"],
    ("PyInterpreterState", "threads_head"): ["threads.head", "tstate_head"],
    ("PyInterpreterState", "ceval_gil"): ["ceval.gil"],
    ("PyInterpreterState", "gil"): ["_gil"],
    ("PyInterpreterState", "imports_modules"): ["imports.modules", "modules"],
    ("PyInterpreterState", "importlib"): ["imports.importlib", "importlib"],
    ("PyThreadState", "status"): ["base._status", "_status"],
    ("PyThreadState", "current_frame"): ["base.current_frame"],
    ("PyThreadState", "base_frame"): ["base.base_frame", "base_frame"],
    ("PyLongObject", "lv_tag"): ["long_value.lv_tag"],
    ("PyLongObject", "ob_digit"): ["long_value.ob_digit", "ob_digit"],
    ("localobject", "localdicts"): ["localdicts", "dummies"],
    ("PyComplexObject", "cval_real"): ["cval.real"],
    ("PyComplexObject", "cval_imag"): ["cval.imag"],
    ("PyUnicodeObject", "data"): ["data.any"],
    ("_PyInterpreterFrame", "f_executable"): ["f_executable", "f_code"],
    ("_PyInterpreterFrame", "f_funcobj"): ["f_funcobj", "f_func"],
    ("_PyExecutorObject", "vm_data_opcode"): ["vm_data.opcode"],
    ("_PyExecutorObject", "vm_data_oparg"): ["vm_data.oparg"],
    ("PyDecObject", "dec_flags"): ["dec.flags"],
    ("PyDecObject", "dec_exp"): ["dec.exp"],
    ("PyDecObject", "dec_digits"): ["dec.digits"],
    ("PyDecObject", "dec_len"): ["dec.len"],
    ("PyDecObject", "dec_data"): ["dec.data"],
    ("PyMemoryViewObject", "view_buf"): ["view.buf"],
    ("PyMemoryViewObject", "view_obj"): ["view.obj"],
    ("PyMemoryViewObject", "view_len"): ["view.len"],
    ("PyMemoryViewObject", "view_itemsize"): ["view.itemsize"],
    ("PyMemoryViewObject", "view_readonly"): ["view.readonly"],
    ("PyMemoryViewObject", "view_ndim"): ["view.ndim"],
    ("PyMemoryViewObject", "view_format"): ["view.format"],
    ("PyMemoryViewObject", "view_shape"): ["view.shape"],
    ("PyMemoryViewObject", "view_strides"): ["view.strides"],
    ("PyMemoryViewObject", "view_suboffsets"): ["view.suboffsets"],
}

# Values that are not the offset of a member: any constant expression of C.
EXPRESSIONS: Dict[Tuple[str, str], List[str]] = {
    # The inline functions _PyObject_DictPointer and _PyObject_ValuesPointer in 3.11 (private_structs.txt).
    ("PyManagedDict", "dict"): ["MANAGED_DICT_OFFSET"],
    ("PyThreadState", "base_size"): ["sizeof(PyThreadState)"],
}

# Structs that are not the same in every micro version of a minor one: those of the runtime, an exception group (whose
# type tells its size), monitoring data (whose forms are told apart where they are read), and the collector's lists
# (which are looked for).
MOVING = {
    "_PyRuntimeState",
    "PyInterpreterState",
    "PyThreadState",
    "PyBaseExceptionGroupObject",
    "_PyCoLineInstrumentationData",
    "lockobject",
    "_gc_runtime_state",
}
