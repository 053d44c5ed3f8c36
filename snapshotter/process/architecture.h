// What depends on the machine's architecture in reading processes and their ELF files. To add an architecture: its
// branch here, and tables for what moves in CPython's structs (fields behind a pthread_mutex_t; gen_layout.py --cc).
#ifndef PYSNAP_PROCESS_ARCHITECTURE_H_
#define PYSNAP_PROCESS_ARCHITECTURE_H_

#include <elf.h>

#include <cstdint>

namespace pysnap {

#if defined(__x86_64__)
inline constexpr uint16_t kElfMachine = EM_X86_64;
inline constexpr char kArchitectureName[] = "x86-64";
// A word that receives the address of a function of another module.
inline constexpr uint32_t kElfSlotRelocation = R_X86_64_JUMP_SLOT;
#else
#error "pysnap has not been ported to this architecture"
#endif

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_ARCHITECTURE_H_
