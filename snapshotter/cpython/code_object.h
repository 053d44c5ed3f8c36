// Reads code objects: their numbers, their tables, and their bytecode as co_code would give it.
#ifndef PYSNAP_CPYTHON_CODE_OBJECT_H_
#define PYSNAP_CPYTHON_CODE_OBJECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/behaviours/line_table.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// What a fast variable is. The bits of 3.11's co_localspluskinds (Include/internal/pycore_code.h), used for every
// version; a celled argument has kLocal and kCell.
enum VariableKind : uint8_t {
  kVariableHidden = 0x10,  // 3.12+: of a comprehension inlined into this code
  kVariableLocal = 0x20,
  kVariableCell = 0x40,
  kVariableFree = 0x80,
};

// A code object's contents. Addresses are of objects in the target.
struct CodeInfo {
  Address address;
  Address name;
  Address qualname;  // null before 3.11
  Address filename;
  int32_t first_line = 0;
  uint32_t arg_count = 0;
  uint32_t posonly_arg_count = 0;
  uint32_t kwonly_arg_count = 0;
  uint32_t stack_size = 0;
  uint32_t flags = 0;
  // As co_code gives it, without specialisation and instrumentation. Empty when `bytecode_problem` is set.
  std::string bytecode;
  absl::Status bytecode_problem;
  std::vector<Address> constants;
  std::vector<Address> names;
  // One per slot of a frame's localsplus, before 3.11: locals, then cells, then free variables. A celled argument has
  // two slots before 3.11 (kLocal, later kCell) and one from 3.11 on (kLocal | kCell).
  std::vector<Address> variables;
  std::string variable_kinds;  // as long as `variables`
  uint32_t local_count = 0;    // co_nlocals
  uint32_t cell_count = 0;     // len(co_cellvars); before 3.11 only
  std::string line_table;
  std::string exception_table;  // 3.11+

  // Where the bytecode starts in the target, and where its first traceable instruction is, in bytes from there (3.11+).
  Address code_start;
  int32_t first_traceable = 0;

  // The number of parameters, *args and **kwargs included: the first slots.
  uint32_t parameter_count() const;
};

// Flags of co_flags (Include/cpython/code.h), the same in all versions.
enum CodeFlag : uint32_t {
  kCodeOptimized = 0x1,  // locals are fast variables; a module or class body has them in a namespace
  kCodeNewLocals = 0x2,
  kCodeVarArgs = 0x4,
  kCodeVarKeywords = 0x8,
};

// Reads code objects and keeps what it read, as frames share them. Not thread-safe.
class CodeReader {
 public:
  // `runtime` and `memory` outlive the reader.
  CodeReader(const Runtime& runtime, Memory& memory)
      : runtime_(runtime),
        memory_(memory),
        code_type_(runtime.Symbol("PyCode_Type")),
        bytes_type_(runtime.Symbol("PyBytes_Type")),
        tuple_type_(runtime.Symbol("PyTuple_Type")) {}

  // The returned object lives as long as the reader. OutOfRange or DataLoss when the object cannot be read or is no
  // consistent code object. Only the bytecode may be missing from what is returned.
  absl::StatusOr<const CodeInfo*> Read(Address code);

  // Position of the instruction at byte offset `lasti` of `code`.
  SourcePosition Position(const CodeInfo& code, int32_t lasti) const;

 private:
  absl::Status ReadInto(CodeInfo& code);
  absl::Status ReadVariables(CodeInfo& code);
  absl::StatusOr<std::string> ReadBytecode(Address code, CodeInfo& info);
  // Undoes what the interpreter wrote into `bytecode`.
  absl::Status Restore(Address code, std::string& bytecode);
  absl::StatusOr<uint8_t> OriginalLineOpcode(Address monitoring, size_t unit);
  absl::StatusOr<std::string> ReadBytes(Address object);
  absl::StatusOr<std::vector<Address>> ReadTuple(Address object);

  const Runtime& runtime_;
  Memory& memory_;
  const Address code_type_;
  const Address bytes_type_;
  const Address tuple_type_;
  absl::flat_hash_map<Address, absl::StatusOr<std::unique_ptr<CodeInfo>>> read_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_CODE_OBJECT_H_
