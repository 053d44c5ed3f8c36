/* 3.13 and later: the tables are in Include/internal/pycore_opcode_metadata.h, which is not C++. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define Py_BUILD_CORE 1
#define NEED_OPCODE_METADATA 1
#define PY_SSIZE_T_CLEAN
#include "replay_ext/core/opcodes/opcodes.h"
#include <Python.h>
#include <opcode.h>
#include <internal/pycore_opcode_metadata.h>
// clang-format on

#define PYSNAP_FIRST_UNCLEAN MIN_INSTRUMENTED_OPCODE
#include "replay_ext/core/opcodes/opcodes_3_11.inc"
