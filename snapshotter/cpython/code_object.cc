#include "snapshotter/cpython/code_object.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr size_t kCodeUnit = 2;
// Far above what the compiler makes of real programs; keeps a corrupted size from being allocated.
constexpr int64_t kMaxTableBytes = 64 << 20;
constexpr int64_t kMaxTupleItems = 8 << 20;

}  // namespace

uint32_t CodeInfo::parameter_count() const {
  return arg_count + kwonly_arg_count + ((flags & kCodeVarArgs) != 0 ? 1 : 0) +
         ((flags & kCodeVarKeywords) != 0 ? 1 : 0);
}

absl::StatusOr<const CodeInfo*> CodeReader::Read(Address code) {
  auto it = read_.find(code);
  if (it == read_.end()) {
    auto info = std::make_unique<CodeInfo>();
    info->address = code;
    absl::Status status = ReadInto(*info);
    absl::StatusOr<std::unique_ptr<CodeInfo>> entry = std::move(info);
    if (!status.ok()) entry = std::move(status);
    it = read_.emplace(code, std::move(entry)).first;
  }
  RETURN_IF_ERROR(it->second.status());
  return it->second->get();
}

SourcePosition CodeReader::Position(const CodeInfo& code, int32_t lasti) const {
  return runtime_.version->find_position(code.line_table, code.first_line, lasti);
}

absl::Status CodeReader::ReadInto(CodeInfo& info) {
  const auto& layout = runtime_.layout.PyCodeObject;
  const Address code = info.address;
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(code + runtime_.layout.PyObject.ob_type));
  if (type != code_type_) return absl::DataLossError("not a code object");

  const std::pair<Offset, uint32_t*> numbers[] = {{layout.co_argcount, &info.arg_count},
                                                  {layout.co_posonlyargcount, &info.posonly_arg_count},
                                                  {layout.co_kwonlyargcount, &info.kwonly_arg_count},
                                                  {layout.co_nlocals, &info.local_count},
                                                  {layout.co_stacksize, &info.stack_size},
                                                  {layout.co_flags, &info.flags}};
  for (const auto& [offset, out] : numbers) {
    ASSIGN_OR_RETURN(*out, memory_.ReadValue<uint32_t>(code + offset));
  }
  ASSIGN_OR_RETURN(info.first_line, memory_.ReadValue<int32_t>(code + layout.co_firstlineno));
  ASSIGN_OR_RETURN(info.name, memory_.ReadPointer(code + layout.co_name));
  ASSIGN_OR_RETURN(info.filename, memory_.ReadPointer(code + layout.co_filename));
  if (layout.co_qualname != kNoOffset) {
    ASSIGN_OR_RETURN(info.qualname, memory_.ReadPointer(code + layout.co_qualname));
  }
  ASSIGN_OR_RETURN(const Address constants, memory_.ReadPointer(code + layout.co_consts));
  ASSIGN_OR_RETURN(info.constants, ReadTuple(constants));
  ASSIGN_OR_RETURN(const Address names, memory_.ReadPointer(code + layout.co_names));
  ASSIGN_OR_RETURN(info.names, ReadTuple(names));
  ASSIGN_OR_RETURN(
      const Address line_table,
      memory_.ReadPointer(code + (layout.co_linetable != kNoOffset ? layout.co_linetable : layout.co_lnotab)));
  ASSIGN_OR_RETURN(info.line_table, ReadBytes(line_table));
  if (layout.co_exceptiontable != kNoOffset) {
    ASSIGN_OR_RETURN(const Address table, memory_.ReadPointer(code + layout.co_exceptiontable));
    ASSIGN_OR_RETURN(info.exception_table, ReadBytes(table));
  }
  RETURN_IF_ERROR(ReadVariables(info));
  if (layout._co_firsttraceable != kNoOffset) {
    ASSIGN_OR_RETURN(const int32_t units, memory_.ReadValue<int32_t>(code + layout._co_firsttraceable));
    if (units < 0 || units > kMaxTableBytes / static_cast<int64_t>(kCodeUnit)) {
      return absl::DataLossError("code object with an impossible first traceable instruction");
    }
    info.first_traceable = units * static_cast<int32_t>(kCodeUnit);
  }
  absl::StatusOr<std::string> bytecode = ReadBytecode(code, info);
  if (bytecode.ok()) {
    info.bytecode = *std::move(bytecode);
  } else {
    info.bytecode_problem = bytecode.status();
  }
  return absl::OkStatus();
}

absl::Status CodeReader::ReadVariables(CodeInfo& info) {
  const auto& layout = runtime_.layout.PyCodeObject;
  if (layout.co_localsplusnames != kNoOffset) {
    ASSIGN_OR_RETURN(const Address names, memory_.ReadPointer(info.address + layout.co_localsplusnames));
    ASSIGN_OR_RETURN(info.variables, ReadTuple(names));
    ASSIGN_OR_RETURN(const Address kinds, memory_.ReadPointer(info.address + layout.co_localspluskinds));
    ASSIGN_OR_RETURN(info.variable_kinds, ReadBytes(kinds));
  } else {
    const std::pair<Offset, uint8_t> groups[] = {
        {layout.co_varnames, kVariableLocal}, {layout.co_cellvars, kVariableCell}, {layout.co_freevars, kVariableFree}};
    for (const auto& [offset, kind] : groups) {
      ASSIGN_OR_RETURN(const Address tuple, memory_.ReadPointer(info.address + offset));
      ASSIGN_OR_RETURN(const std::vector<Address> names, ReadTuple(tuple));
      if (kind == kVariableLocal && names.size() != info.local_count) {
        return absl::DataLossError("co_varnames and co_nlocals disagree");
      }
      if (kind == kVariableCell) info.cell_count = static_cast<uint32_t>(names.size());
      info.variables.insert(info.variables.end(), names.begin(), names.end());
      info.variable_kinds.append(names.size(), static_cast<char>(kind));
    }
  }
  if (info.variables.size() != info.variable_kinds.size()) {
    return absl::DataLossError("names and kinds of the fast variables disagree");
  }
  if (info.parameter_count() > info.variables.size()) return absl::DataLossError("more parameters than variables");
  return absl::OkStatus();
}

absl::StatusOr<std::string> CodeReader::ReadBytecode(Address code, CodeInfo& info) {
  const auto& layout = runtime_.layout.PyCodeObject;
  if (layout.co_code_adaptive == kNoOffset) {
    ASSIGN_OR_RETURN(const Address bytes, memory_.ReadPointer(code + layout.co_code));
    info.code_start = bytes + runtime_.layout.PyBytesObject.ob_sval;
    return ReadBytes(bytes);
  }
  info.code_start = code + layout.co_code_adaptive;
  ASSIGN_OR_RETURN(const int64_t units, memory_.ReadValue<int64_t>(code + runtime_.layout.PyVarObject.ob_size));
  if (units < 0 || units > kMaxTableBytes / static_cast<int64_t>(kCodeUnit)) {
    return absl::DataLossError(absl::StrFormat("bytecode of %d units", units));
  }
  std::string bytecode;
  RETURN_IF_ERROR(memory_.ReadArray(info.code_start, static_cast<size_t>(units) * kCodeUnit, bytecode));
  RETURN_IF_ERROR(Restore(code, bytecode));
  return bytecode;
}

// Follows _Py_GetBaseCodeUnit (Python/instrumentation.c, 3.13).
absl::Status CodeReader::Restore(Address code, std::string& bytecode) {
  const OpcodeTables* tables = runtime_.version->opcodes;
  if (tables == nullptr) return absl::OkStatus();
  const auto& layout = runtime_.layout;
  Address monitoring;
  Address executors;
  if (layout.PyCodeObject._co_monitoring != kNoOffset) {
    ASSIGN_OR_RETURN(monitoring, memory_.ReadPointer(code + layout.PyCodeObject._co_monitoring));
  }
  if (layout.PyCodeObject.co_executors != kNoOffset) {
    ASSIGN_OR_RETURN(executors, memory_.ReadPointer(code + layout.PyCodeObject.co_executors));
  }
  for (size_t i = 0; i + 1 < bytecode.size(); i += kCodeUnit) {
    auto opcode = static_cast<uint8_t>(bytecode[i]);
    if (tables->enter_executor != 0 && opcode == tables->enter_executor && executors) {
      const auto index = static_cast<uint8_t>(bytecode[i + 1]);
      ASSIGN_OR_RETURN(const Address executor,
                       memory_.ReadPointer(executors + layout._PyExecutorArray.executors + index * int64_t{8}));
      ASSIGN_OR_RETURN(opcode, memory_.ReadValue<uint8_t>(executor + layout._PyExecutorObject.vm_data_opcode));
      ASSIGN_OR_RETURN(const uint8_t oparg,
                       memory_.ReadValue<uint8_t>(executor + layout._PyExecutorObject.vm_data_oparg));
      bytecode[i + 1] = static_cast<char>(oparg);
    }
    if (tables->instrumented_line != 0 && opcode == tables->instrumented_line) {
      ASSIGN_OR_RETURN(opcode, OriginalLineOpcode(monitoring, i / kCodeUnit));
    }
    if (tables->instrumented_instruction != 0 && opcode == tables->instrumented_instruction) {
      ASSIGN_OR_RETURN(const Address opcodes,
                       memory_.ReadPointer(monitoring + layout._PyCoMonitoringData.per_instruction_opcodes));
      ASSIGN_OR_RETURN(opcode, memory_.ReadValue<uint8_t>(opcodes + static_cast<int64_t>(i / kCodeUnit)));
    }
    const uint8_t plain = tables->deinstrument[opcode];
    opcode = plain != 0 ? plain : tables->deopt[opcode];
    bytecode[i] = static_cast<char>(opcode);
    const size_t caches = tables->caches[opcode] * kCodeUnit;
    if (i + kCodeUnit + caches > bytecode.size()) return absl::DataLossError("bytecode ends within an inline cache");
    bytecode.replace(i + kCodeUnit, caches, caches, '\0');
    i += caches;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint8_t> CodeReader::OriginalLineOpcode(Address monitoring, size_t unit) {
  ASSIGN_OR_RETURN(const Address lines, memory_.ReadPointer(monitoring + runtime_.layout._PyCoMonitoringData.lines));
  ASSIGN_OR_RETURN(const uint8_t first, memory_.ReadValue<uint8_t>(lines));
  LineInstrumentation form = runtime_.version->line_instrumentation;
  if (form == LineInstrumentation::kEither) {
    // An entry size is 2 to 5. In the older form the byte is the first instruction's original opcode, which is 0 or
    // one that can begin a code object (RESUME, COPY_FREE_VARS, MAKE_CELL, RETURN_GENERATOR); none of 3.13's is 2 to 5.
    form = first >= 2 && first <= 5 ? LineInstrumentation::kSizedEntries : LineInstrumentation::kPairs;
  }
  const auto index = static_cast<int64_t>(unit);
  switch (form) {
    case LineInstrumentation::kPairs:
      return memory_.ReadValue<uint8_t>(lines + index * 2);
    case LineInstrumentation::kSizedEntries:
      if (first < 2 || first > 5) return absl::DataLossError("line instrumentation with an impossible entry size");
      return memory_.ReadValue<uint8_t>(lines + 1 + index * first);
    case LineInstrumentation::kNone:
    case LineInstrumentation::kEither:
      break;
  }
  return absl::UnimplementedError("instrumented code of this version");
}

absl::StatusOr<std::string> CodeReader::ReadBytes(Address object) {
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type));
  if (type != bytes_type_) return absl::DataLossError("a code object's table is not bytes");
  ASSIGN_OR_RETURN(const int64_t size, memory_.ReadValue<int64_t>(object + runtime_.layout.PyVarObject.ob_size));
  if (size < 0 || size > kMaxTableBytes) return absl::DataLossError(absl::StrFormat("table of %d bytes", size));
  std::string bytes;
  RETURN_IF_ERROR(memory_.ReadArray(object + runtime_.layout.PyBytesObject.ob_sval, static_cast<size_t>(size), bytes));
  return bytes;
}

absl::StatusOr<std::vector<Address>> CodeReader::ReadTuple(Address object) {
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type));
  if (type != tuple_type_) return absl::DataLossError("a code object's member is not a tuple");
  ASSIGN_OR_RETURN(const int64_t size, memory_.ReadValue<int64_t>(object + runtime_.layout.PyVarObject.ob_size));
  if (size < 0 || size > kMaxTupleItems) return absl::DataLossError(absl::StrFormat("tuple of %d items", size));
  std::vector<Address> items;
  RETURN_IF_ERROR(memory_.ReadArray(object + runtime_.layout.PyTupleObject.ob_item, static_cast<size_t>(size), items));
  return items;
}

}  // namespace pysnap
