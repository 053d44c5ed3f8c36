/* 3.11 and 3.12: the tables are in Include/internal/pycore_opcode.h. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define Py_BUILD_CORE 1
#define NEED_OPCODE_TABLES 1
#define PY_SSIZE_T_CLEAN
#include "replay_ext/core/opcodes/opcodes.h"
#include <Python.h>
#include <opcode.h>
#include <internal/pycore_opcode.h>
// clang-format on

#ifdef MIN_INSTRUMENTED_OPCODE
#define PYSNAP_FIRST_UNCLEAN MIN_INSTRUMENTED_OPCODE
#else
#define PYSNAP_FIRST_UNCLEAN 256
#endif
#include "replay_ext/core/opcodes/opcodes_3_11.inc"
