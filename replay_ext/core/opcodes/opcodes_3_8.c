/* 3.8-3.10: two bytes an instruction, no inline caches, nothing to prepare. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define PY_SSIZE_T_CLEAN
#include "replay_ext/core/opcodes/opcodes.h"
#include <Python.h>
#include <opcode.h>
// clang-format on

size_t pysnap_code_prologue(uint8_t* out, size_t capacity, const int* cells, size_t cell_count, int free_count) {
  (void)out, (void)capacity, (void)cells, (void)cell_count, (void)free_count;
  return 0;
}

size_t pysnap_code_raise(uint8_t* out, size_t capacity, int index) {
  const uint8_t code[] = {LOAD_CONST, (uint8_t)index, RAISE_VARARGS, 1};
  for (size_t i = 0; i < sizeof(code) && i < capacity; ++i) out[i] = code[i];
  return sizeof(code);
}

uint8_t pysnap_code_nop(void) { return NOP; }

int pysnap_code_is_clean(const uint8_t* bytes, size_t size) {
  (void)bytes;
  return size >= 2 && size % 2 == 0;
}

int pysnap_code_makes_generator(const uint8_t* bytes, size_t size, int slots, int frees) {
  (void)bytes, (void)size, (void)slots, (void)frees;
  return 1;
}
