#include "snapshotter/cpython/debug_offsets.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/layout_fields.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxStructSize = 16u << 20;

// A number of _Py_DebugOffsets and the number of Layout that it gives.
struct Given {
  LayoutField source;
  LayoutField field;
};

#define GIVEN(member, struct, field)                                          \
  Given {                                                                     \
    {"_Py_DebugOffsets", #member, offsetof(Layout, _Py_DebugOffsets.member)}, \
        {#struct, #field, offsetof(Layout, struct.field)},                    \
  }

// What may move between micro versions.
constexpr Given kMoving[] = {
    GIVEN(runtime_state_size, _PyRuntimeState, size_),
    GIVEN(runtime_state_finalizing, _PyRuntimeState, finalizing),
    GIVEN(runtime_state_interpreters_head, _PyRuntimeState, interpreters_head),
    GIVEN(interpreter_state_size, PyInterpreterState, size_),
    GIVEN(interpreter_state_id, PyInterpreterState, id),
    GIVEN(interpreter_state_next, PyInterpreterState, next),
    GIVEN(interpreter_state_threads_head, PyInterpreterState, threads_head),
    GIVEN(interpreter_state_gc, PyInterpreterState, gc),
    GIVEN(interpreter_state_imports_modules, PyInterpreterState, imports_modules),
    GIVEN(interpreter_state_sysdict, PyInterpreterState, sysdict),
    GIVEN(interpreter_state_builtins, PyInterpreterState, builtins),
    GIVEN(interpreter_state_ceval_gil, PyInterpreterState, ceval_gil),
    GIVEN(interpreter_state_gil_runtime_state, PyInterpreterState, gil),
    GIVEN(thread_state_size, PyThreadState, base_size),
    GIVEN(thread_state_prev, PyThreadState, prev),
    GIVEN(thread_state_next, PyThreadState, next),
    GIVEN(thread_state_interp, PyThreadState, interp),
    GIVEN(thread_state_current_frame, PyThreadState, current_frame),
    GIVEN(thread_state_base_frame, PyThreadState, base_frame),
    GIVEN(thread_state_thread_id, PyThreadState, thread_id),
    GIVEN(thread_state_native_thread_id, PyThreadState, native_thread_id),
    GIVEN(thread_state_datastack_chunk, PyThreadState, datastack_chunk),
    GIVEN(thread_state_status, PyThreadState, status),
    GIVEN(thread_state_holds_gil, PyThreadState, holds_gil),
    GIVEN(thread_state_current_exception, PyThreadState, current_exception),
    GIVEN(thread_state_exc_state, PyThreadState, exc_state),
};

// What may not.
constexpr Given kFixed[] = {
    GIVEN(err_stackitem_exc_value, _PyErr_StackItem, exc_value),
    GIVEN(interpreter_frame_size, _PyInterpreterFrame, size_),
    GIVEN(interpreter_frame_previous, _PyInterpreterFrame, previous),
    GIVEN(interpreter_frame_executable, _PyInterpreterFrame, f_executable),
    GIVEN(interpreter_frame_instr_ptr, _PyInterpreterFrame, instr_ptr),
    GIVEN(interpreter_frame_localsplus, _PyInterpreterFrame, localsplus),
    GIVEN(interpreter_frame_owner, _PyInterpreterFrame, owner),
    GIVEN(interpreter_frame_stackpointer, _PyInterpreterFrame, stackpointer),
    GIVEN(code_object_size, PyCodeObject, size_),
    GIVEN(code_object_filename, PyCodeObject, co_filename),
    GIVEN(code_object_name, PyCodeObject, co_name),
    GIVEN(code_object_qualname, PyCodeObject, co_qualname),
    GIVEN(code_object_linetable, PyCodeObject, co_linetable),
    GIVEN(code_object_firstlineno, PyCodeObject, co_firstlineno),
    GIVEN(code_object_argcount, PyCodeObject, co_argcount),
    GIVEN(code_object_localsplusnames, PyCodeObject, co_localsplusnames),
    GIVEN(code_object_localspluskinds, PyCodeObject, co_localspluskinds),
    GIVEN(code_object_co_code_adaptive, PyCodeObject, co_code_adaptive),
    GIVEN(pyobject_size, PyObject, size_),
    GIVEN(pyobject_ob_type, PyObject, ob_type),
    GIVEN(type_object_size, PyTypeObject, size_),
    GIVEN(type_object_tp_name, PyTypeObject, tp_name),
    GIVEN(type_object_tp_flags, PyTypeObject, tp_flags),
    GIVEN(type_object_tp_basicsize, PyTypeObject, tp_basicsize),
    GIVEN(type_object_tp_dictoffset, PyTypeObject, tp_dictoffset),
    GIVEN(heap_type_object_size, PyHeapTypeObject, size_),
    GIVEN(heap_type_object_ht_cached_keys, PyHeapTypeObject, ht_cached_keys),
    GIVEN(tuple_object_size, PyTupleObject, size_),
    GIVEN(tuple_object_ob_item, PyTupleObject, ob_item),
    GIVEN(tuple_object_ob_size, PyVarObject, ob_size),
    GIVEN(list_object_size, PyListObject, size_),
    GIVEN(list_object_ob_item, PyListObject, ob_item),
    GIVEN(list_object_ob_size, PyVarObject, ob_size),
    GIVEN(set_object_size, PySetObject, size_),
    GIVEN(set_object_used, PySetObject, used),
    GIVEN(set_object_table, PySetObject, table),
    GIVEN(set_object_mask, PySetObject, mask),
    GIVEN(dict_object_size, PyDictObject, size_),
    GIVEN(dict_object_ma_keys, PyDictObject, ma_keys),
    GIVEN(dict_object_ma_values, PyDictObject, ma_values),
    GIVEN(float_object_size, PyFloatObject, size_),
    GIVEN(float_object_ob_fval, PyFloatObject, ob_fval),
    GIVEN(long_object_size, PyLongObject, size_),
    GIVEN(long_object_lv_tag, PyLongObject, lv_tag),
    GIVEN(long_object_ob_digit, PyLongObject, ob_digit),
    GIVEN(bytes_object_size, PyBytesObject, size_),
    GIVEN(bytes_object_ob_size, PyVarObject, ob_size),
    GIVEN(bytes_object_ob_sval, PyBytesObject, ob_sval),
    GIVEN(unicode_object_size, PyUnicodeObject, size_),
    GIVEN(unicode_object_state, PyASCIIObject, state),
    GIVEN(unicode_object_length, PyASCIIObject, length),
    GIVEN(unicode_object_asciiobject_size, PyASCIIObject, size_),
    GIVEN(unicode_object_compactunicodeobject_size, PyCompactUnicodeObject, size_),
    GIVEN(gen_object_gi_name, PyGenObject, gi_name),
    GIVEN(gen_object_gi_iframe, PyGenObject, gi_iframe),
    GIVEN(gen_object_gi_frame_state, PyGenObject, gi_frame_state),
};

#undef GIVEN

// What is not given (in every version) and cannot be done without.
constexpr LayoutField kRequired[] = {
    {"PyThreadState", "exc_info", offsetof(Layout, PyThreadState.exc_info)},
    {"PyThreadState", "current_exception", offsetof(Layout, PyThreadState.current_exception)},
};

// What ends a struct, for the purpose of what moves within it.
bool IsEnd(absl::string_view field_name) { return field_name == "size_" || field_name == "base_size"; }

// Moves the fields of one struct that the target does not give along with those it gives. `given` is from where the
// table has each given one to where the target has it.
void MoveOthers(absl::string_view struct_name,
                const std::map<Offset, Offset>& given,
                const absl::flat_hash_set<uint32_t>& given_positions,
                Layout& layout) {
  for (const LayoutField& field : LayoutFields()) {
    if (field.struct_name != struct_name || given_positions.contains(field.position) || field.is_size()) continue;
    const Offset tabled = field.Get(layout);
    if (tabled == kNoOffset) continue;
    const auto above = given.upper_bound(tabled);
    // What comes before everything given moves with the beginning of the struct, which does not move.
    const Offset below_moved = above == given.begin() ? 0 : std::prev(above)->second - std::prev(above)->first;
    const bool known = above != given.end() ? above->second - above->first == below_moved : below_moved == 0;
    field.Set(layout, known ? tabled + below_moved : kNoOffset);
  }
}

}  // namespace

absl::StatusOr<std::optional<DebugOffsetsHeader>> ReadDebugOffsetsHeader(Memory& memory, Address py_runtime) {
  struct Raw {
    char cookie[8];
    uint64_t version;
    uint64_t free_threaded;
  };
  ASSIGN_OR_RETURN(const Raw raw, memory.ReadValue<Raw>(py_runtime));
  if (absl::string_view(raw.cookie, sizeof(raw.cookie)) != kDebugOffsetsCookie) {
    return std::optional<DebugOffsetsHeader>();
  }
  return std::optional<DebugOffsetsHeader>(
      DebugOffsetsHeader{.hex_version = static_cast<uint32_t>(raw.version), .free_threaded = raw.free_threaded != 0});
}

absl::StatusOr<DebugOffsets> DebugOffsets::Read(Memory& memory, Address py_runtime, const Layout& layout) {
  if (layout._Py_DebugOffsets.size_ <= 0) return absl::UnimplementedError("this version has no debug offsets");
  DebugOffsets offsets;
  RETURN_IF_ERROR(memory.ReadArray(py_runtime, static_cast<size_t>(layout._Py_DebugOffsets.size_) / sizeof(uint64_t),
                                   offsets.values_));
  return offsets;
}

std::optional<uint64_t> DebugOffsets::Value(Offset position) const {
  const size_t index = static_cast<size_t>(position) / sizeof(uint64_t);
  if (position < 0 || index >= values_.size()) return std::nullopt;
  return values_[index];
}

absl::Status DebugOffsets::Overlay(Layout& layout) const {
  const Layout tabled = layout;
  for (const Given& fixed : kFixed) {
    const std::optional<uint64_t> value = Value(fixed.source.Get(tabled));
    const Offset expected = fixed.field.Get(tabled);
    if (!value || expected == kNoOffset || *value == static_cast<uint64_t>(expected)) continue;
    return absl::UnimplementedError(
        absl::StrFormat("the target is a modified CPython: it has %s.%s at %d instead of %d",
                        std::string(fixed.field.struct_name), std::string(fixed.field.field_name), *value, expected));
  }

  std::map<absl::string_view, std::map<Offset, Offset>> given;
  absl::flat_hash_set<uint32_t> given_positions;
  std::map<absl::string_view, uint64_t> sizes;
  for (const Given& moving : kMoving) {
    const std::optional<uint64_t> value = Value(moving.source.Get(tabled));
    if (!value) continue;
    const LayoutField& field = moving.field;
    if (IsEnd(field.field_name)) sizes[field.struct_name] = *value;
    const uint64_t limit = sizes.contains(field.struct_name) ? sizes[field.struct_name] : kMaxStructSize;
    if (*value > std::min(limit, kMaxStructSize) || (*value == limit && !IsEnd(field.field_name))) {
      return absl::DataLossError(absl::StrFormat("the target's debug offsets make no sense: %s.%s at %d",
                                                 std::string(field.struct_name), std::string(field.field_name),
                                                 *value));
    }
    const Offset from = field.Get(tabled);
    const Offset to = static_cast<Offset>(*value);
    field.Set(layout, to);
    given_positions.insert(field.position);
    if (from != kNoOffset) given[field.struct_name][from] = to;
  }
  for (const auto& [struct_name, moves] : given) {
    // Fields that changed places are another struct than the one tabled.
    Offset last = kNoOffset;
    for (const auto& [from, to] : moves) {
      if (to <= last) {
        return absl::UnimplementedError(
            absl::StrCat("the target's ", std::string(struct_name), " has fields in another order"));
      }
      last = to;
    }
    MoveOthers(struct_name, moves, given_positions, layout);
  }

  for (const LayoutField& field : kRequired) {
    if (field.Get(tabled) == kNoOffset || field.Get(layout) != kNoOffset) continue;
    return absl::UnimplementedError(absl::StrCat("the target's micro version has moved ",
                                                 std::string(field.struct_name), ".", std::string(field.field_name)));
  }

  // The lock is given relative to the interpreter.
  const std::optional<uint64_t> gil = Value(tabled._Py_DebugOffsets.interpreter_state_gil_runtime_state);
  const std::optional<uint64_t> locked = Value(tabled._Py_DebugOffsets.interpreter_state_gil_runtime_state_locked);
  const std::optional<uint64_t> holder = Value(tabled._Py_DebugOffsets.interpreter_state_gil_runtime_state_holder);
  if (gil && locked && holder) {
    if (*locked - *gil != static_cast<uint64_t>(tabled._gil_runtime_state.locked) ||
        *holder - *gil != static_cast<uint64_t>(tabled._gil_runtime_state.last_holder)) {
      return absl::UnimplementedError("the target is a modified CPython: its interpreter lock is laid out differently");
    }
  }
  return absl::OkStatus();
}

}  // namespace pysnap
