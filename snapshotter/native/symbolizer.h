// What machine code was compiled from: functions, files and lines.
//
//   Symbolizer symbolizer(*modules, *target);
//   for (const NativeFunction& function : symbolizer.Symbolize(frame.instruction(), unwinder.FunctionAround(…))) …
//
// Debug information is read from the modules' files and separate debug files on this machine; nothing is fetched from
// the network. It is decoded by libdw, which trusts it more than it deserves: what may be hostile is symbolized in a
// process of its own.
#ifndef PYSNAP_NATIVE_SYMBOLIZER_H_
#define PYSNAP_NATIVE_SYMBOLIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// A function that an instruction belongs to. What is not known is empty or 0.
struct NativeFunction {
  std::string name;         // demangled
  std::string symbol;       // as the linker knows it
  std::string file;         // as the compiler was given it, absolute where the debug information says how
  uint32_t line = 0;        // of the instruction; where another function is inlined, of that place
  uint64_t offset = 0;      // of the instruction in it; of the symbol table only
  bool from_table = false;  // found in a symbol table, without debug information
};

class Symbolizer {
 public:
  // Both outlive the symbolizer. Debug files are looked for in the target's root, as long as it lives.
  Symbolizer(const ModuleMap& modules, Target& target);
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // The functions at `instruction`, innermost inlined first; the last one is the function proper. Never empty, and
  // without anything known at worst. `code` is what Unwinder::FunctionAround says: a symbol without size is believed
  // only when it stands where that begins.
  std::vector<NativeFunction> Symbolize(Address instruction, AddressRange code);

 private:
  class Context;
  std::unique_ptr<Context> context_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_SYMBOLIZER_H_
