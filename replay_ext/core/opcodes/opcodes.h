/* The instruction set of the interpreter compiled for: enough to check foreign bytecode before CPython walks it, and to
 * write code that refuses to run. */
#ifndef PYSNAP_REPLAY_OPCODES_H_
#define PYSNAP_REPLAY_OPCODES_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes up to `capacity` bytes: what a code object with `cells` (indices into the fast variables, count `cell_count`)
 * and `free_count` free variables begins with. Returns the bytes needed. */
size_t pysnap_code_prologue(uint8_t* out, size_t capacity, const int* cells, size_t cell_count, int free_count);

/* Writes "raise the constant `index`" (index < 256). Returns the bytes needed. */
size_t pysnap_code_raise(uint8_t* out, size_t capacity, int index);

/* The opcode of NOP. */
uint8_t pysnap_code_nop(void);

/* Whether CPython may be given `bytes` as a new code object's clean bytecode: whole instructions with their caches, all
 * of the plain instruction set, and a point from which it is traceable. */
int pysnap_code_is_clean(const uint8_t* bytes, size_t size);

/* Whether to call a function of this code, which has `slots` fast variables of which `frees` are free, does nothing but
 * make a generator. Up to 3.10 the flags of the code decide that alone. */
int pysnap_code_makes_generator(const uint8_t* bytes, size_t size, int slots, int frees);

#ifdef __cplusplus
}
#endif

#endif /* PYSNAP_REPLAY_OPCODES_H_ */
