#include "snapshotter/cpython/debug_offsets.h"

#include <gtest/gtest.h>

#include "snapshotter/cpython/layout_fields.h"
#include "snapshotter/cpython/version_support.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

// What a target of the tabled build would say: each number of _Py_DebugOffsets, taken from the table.
class DebugOffsetsTest : public ::testing::TestWithParam<int> {
 protected:
  DebugOffsetsTest() : tabled_(*FindVersionSupport(GetParam())->release), at_(arena_.Allocate(4096)) {
    Say(tabled_._Py_DebugOffsets.version, static_cast<uint64_t>(GetParam()) << 16 | 0x030000f0);
    const char cookie[] = "xdebugpy";
    for (int i = 0; i < 8; ++i) arena_.Put(at_ + i, cookie[i]);
    const auto& d = tabled_._Py_DebugOffsets;
    Say(d.runtime_state_size, tabled_._PyRuntimeState.size_);
    Say(d.runtime_state_finalizing, tabled_._PyRuntimeState.finalizing);
    Say(d.runtime_state_interpreters_head, tabled_._PyRuntimeState.interpreters_head);
    const auto& interp = tabled_.PyInterpreterState;
    Say(d.interpreter_state_size, interp.size_);
    Say(d.interpreter_state_id, interp.id);
    Say(d.interpreter_state_next, interp.next);
    Say(d.interpreter_state_threads_head, interp.threads_head);
    Say(d.interpreter_state_gc, interp.gc);
    Say(d.interpreter_state_imports_modules, interp.imports_modules);
    Say(d.interpreter_state_sysdict, interp.sysdict);
    Say(d.interpreter_state_builtins, interp.builtins);
    Say(d.interpreter_state_ceval_gil, interp.ceval_gil);
    Say(d.interpreter_state_gil_runtime_state, interp.gil);
    Say(d.interpreter_state_gil_runtime_state_locked, interp.gil + tabled_._gil_runtime_state.locked);
    Say(d.interpreter_state_gil_runtime_state_holder, interp.gil + tabled_._gil_runtime_state.last_holder);
    const auto& thread = tabled_.PyThreadState;
    Say(d.thread_state_size, thread.base_size);
    Say(d.thread_state_prev, thread.prev);
    Say(d.thread_state_next, thread.next);
    Say(d.thread_state_interp, thread.interp);
    Say(d.thread_state_current_frame, thread.current_frame);
    Say(d.thread_state_base_frame, thread.base_frame);
    Say(d.thread_state_thread_id, thread.thread_id);
    Say(d.thread_state_native_thread_id, thread.native_thread_id);
    Say(d.thread_state_datastack_chunk, thread.datastack_chunk);
    Say(d.thread_state_status, thread.status);
    Say(d.thread_state_holds_gil, thread.holds_gil);
    Say(d.thread_state_current_exception, thread.current_exception);
    Say(d.thread_state_exc_state, thread.exc_state);
    // What must not differ: everything else that the table gives, by name.
    for (const auto& [position, value] : std::initializer_list<std::pair<Offset, Offset>>{
             {d.err_stackitem_exc_value, tabled_._PyErr_StackItem.exc_value},
             {d.interpreter_frame_size, tabled_._PyInterpreterFrame.size_},
             {d.interpreter_frame_previous, tabled_._PyInterpreterFrame.previous},
             {d.interpreter_frame_executable, tabled_._PyInterpreterFrame.f_executable},
             {d.interpreter_frame_instr_ptr, tabled_._PyInterpreterFrame.instr_ptr},
             {d.interpreter_frame_localsplus, tabled_._PyInterpreterFrame.localsplus},
             {d.interpreter_frame_owner, tabled_._PyInterpreterFrame.owner},
             {d.interpreter_frame_stackpointer, tabled_._PyInterpreterFrame.stackpointer},
             {d.code_object_size, tabled_.PyCodeObject.size_},
             {d.code_object_filename, tabled_.PyCodeObject.co_filename},
             {d.code_object_name, tabled_.PyCodeObject.co_name},
             {d.code_object_qualname, tabled_.PyCodeObject.co_qualname},
             {d.code_object_linetable, tabled_.PyCodeObject.co_linetable},
             {d.code_object_firstlineno, tabled_.PyCodeObject.co_firstlineno},
             {d.code_object_argcount, tabled_.PyCodeObject.co_argcount},
             {d.code_object_localsplusnames, tabled_.PyCodeObject.co_localsplusnames},
             {d.code_object_localspluskinds, tabled_.PyCodeObject.co_localspluskinds},
             {d.code_object_co_code_adaptive, tabled_.PyCodeObject.co_code_adaptive},
             {d.pyobject_size, tabled_.PyObject.size_},
             {d.pyobject_ob_type, tabled_.PyObject.ob_type},
             {d.type_object_size, tabled_.PyTypeObject.size_},
             {d.type_object_tp_name, tabled_.PyTypeObject.tp_name},
             {d.type_object_tp_flags, tabled_.PyTypeObject.tp_flags},
             {d.type_object_tp_basicsize, tabled_.PyTypeObject.tp_basicsize},
             {d.type_object_tp_dictoffset, tabled_.PyTypeObject.tp_dictoffset},
             {d.heap_type_object_size, tabled_.PyHeapTypeObject.size_},
             {d.heap_type_object_ht_cached_keys, tabled_.PyHeapTypeObject.ht_cached_keys},
             {d.tuple_object_size, tabled_.PyTupleObject.size_},
             {d.tuple_object_ob_item, tabled_.PyTupleObject.ob_item},
             {d.tuple_object_ob_size, tabled_.PyVarObject.ob_size},
             {d.list_object_size, tabled_.PyListObject.size_},
             {d.list_object_ob_item, tabled_.PyListObject.ob_item},
             {d.list_object_ob_size, tabled_.PyVarObject.ob_size},
             {d.set_object_size, tabled_.PySetObject.size_},
             {d.set_object_used, tabled_.PySetObject.used},
             {d.set_object_table, tabled_.PySetObject.table},
             {d.set_object_mask, tabled_.PySetObject.mask},
             {d.dict_object_size, tabled_.PyDictObject.size_},
             {d.dict_object_ma_keys, tabled_.PyDictObject.ma_keys},
             {d.dict_object_ma_values, tabled_.PyDictObject.ma_values},
             {d.float_object_size, tabled_.PyFloatObject.size_},
             {d.float_object_ob_fval, tabled_.PyFloatObject.ob_fval},
             {d.long_object_size, tabled_.PyLongObject.size_},
             {d.long_object_lv_tag, tabled_.PyLongObject.lv_tag},
             {d.long_object_ob_digit, tabled_.PyLongObject.ob_digit},
             {d.bytes_object_size, tabled_.PyBytesObject.size_},
             {d.bytes_object_ob_size, tabled_.PyVarObject.ob_size},
             {d.bytes_object_ob_sval, tabled_.PyBytesObject.ob_sval},
             {d.unicode_object_size, tabled_.PyUnicodeObject.size_},
             {d.unicode_object_state, tabled_.PyASCIIObject.state},
             {d.unicode_object_length, tabled_.PyASCIIObject.length},
             {d.unicode_object_asciiobject_size, tabled_.PyASCIIObject.size_},
             {d.unicode_object_compactunicodeobject_size, tabled_.PyCompactUnicodeObject.size_},
             {d.gen_object_gi_name, tabled_.PyGenObject.gi_name},
             {d.gen_object_gi_iframe, tabled_.PyGenObject.gi_iframe},
             {d.gen_object_gi_frame_state, tabled_.PyGenObject.gi_frame_state},
         }) {
      Say(position, value);
    }
  }

  // Has the target say that the number at `position` is `value`.
  void Say(Offset position, int64_t value) {
    if (position != kNoOffset) arena_.Put<uint64_t>(at_ + position, static_cast<uint64_t>(value));
  }

  absl::StatusOr<Layout> Overlaid() {
    ASSIGN_OR_RETURN(const DebugOffsets offsets, DebugOffsets::Read(arena_, at_, tabled_));
    Layout layout = tabled_;
    RETURN_IF_ERROR(offsets.Overlay(layout));
    return layout;
  }

  testing::Arena arena_;
  const Layout tabled_;
  const Address at_;
};

TEST_P(DebugOffsetsTest, TheTabledBuildChangesNothing) {
  const absl::StatusOr<Layout> layout = Overlaid();
  ASSERT_TRUE(layout.ok()) << layout.status();
  for (const LayoutField& field : LayoutFields()) {
    EXPECT_EQ(field.Get(*layout), field.Get(tabled_))
        << std::string(field.struct_name) << "." << std::string(field.field_name);
  }
}

TEST_P(DebugOffsetsTest, ReadsTheHeader) {
  const absl::StatusOr<std::optional<DebugOffsetsHeader>> header = ReadDebugOffsetsHeader(arena_, at_);
  ASSERT_TRUE(header.ok() && header->has_value());
  EXPECT_EQ((*header)->hex_version, static_cast<uint32_t>(GetParam()) << 16 | 0x030000f0);
  EXPECT_FALSE((*header)->free_threaded);
  arena_.Put(at_, 'X');
  EXPECT_FALSE(ReadDebugOffsetsHeader(arena_, at_)->has_value());
}

TEST_P(DebugOffsetsTest, FieldsBetweenMoveWithTheirNeighbours) {
  // Everything of a thread from current_frame to the end has moved by 16; the fields before it have not.
  const auto& d = tabled_._Py_DebugOffsets;
  const auto& thread = tabled_.PyThreadState;
  Say(d.thread_state_size, thread.base_size + 16);
  for (const auto& [position, value] : std::initializer_list<std::pair<Offset, Offset>>{
           {d.thread_state_current_frame, thread.current_frame},
           {d.thread_state_base_frame, thread.base_frame},
           {d.thread_state_thread_id, thread.thread_id},
           {d.thread_state_native_thread_id, thread.native_thread_id},
           {d.thread_state_datastack_chunk, thread.datastack_chunk},
           {d.thread_state_current_exception, thread.current_exception},
           {d.thread_state_exc_state, thread.exc_state},
       }) {
    Say(position, value + 16);
  }
  const absl::StatusOr<Layout> layout = Overlaid();
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->PyThreadState.current_frame, thread.current_frame + 16);
  EXPECT_EQ(layout->PyThreadState.exc_info, thread.exc_info + 16);  // between two that moved alike
  EXPECT_EQ(layout->PyThreadState.c_tracefunc, thread.c_tracefunc + 16);
  EXPECT_EQ(layout->PyThreadState.tracing, kNoOffset);               // between one that moved and one that did not
  EXPECT_EQ(layout->PyThreadState.asyncio_running_loop, kNoOffset);  // behind what is given
  EXPECT_EQ(layout->PyThreadState.next, thread.next);
}

TEST_P(DebugOffsetsTest, WhatIsNeededAndCannotBePlacedIsRefused) {
  // Somewhere between the fields around exc_info eight bytes have come in.
  Say(tabled_._Py_DebugOffsets.thread_state_current_frame, tabled_.PyThreadState.current_frame - 8);
  Say(tabled_._Py_DebugOffsets.thread_state_base_frame, tabled_.PyThreadState.base_frame - 8);
  Say(tabled_._Py_DebugOffsets.thread_state_current_exception, tabled_.PyThreadState.current_exception - 8);
  const absl::Status status = Overlaid().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
}

TEST_P(DebugOffsetsTest, AnotherShapeOfObjectsIsRefused) {
  Say(tabled_._Py_DebugOffsets.list_object_ob_item, tabled_.PyListObject.ob_item + 8);
  EXPECT_EQ(Overlaid().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_P(DebugOffsetsTest, AnotherOrderIsRefused) {
  Say(tabled_._Py_DebugOffsets.thread_state_next, tabled_.PyThreadState.prev);
  Say(tabled_._Py_DebugOffsets.thread_state_prev, tabled_.PyThreadState.next);
  EXPECT_EQ(Overlaid().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_P(DebugOffsetsTest, NonsenseIsRefused) {
  for (const uint64_t nonsense : {uint64_t{1} << 40, ~uint64_t{0}, uint64_t{20} << 20}) {
    Say(tabled_._Py_DebugOffsets.interpreter_state_threads_head, static_cast<int64_t>(nonsense));
    EXPECT_EQ(Overlaid().status().code(), absl::StatusCode::kDataLoss);
    Say(tabled_._Py_DebugOffsets.interpreter_state_threads_head, tabled_.PyInterpreterState.threads_head);
    Say(tabled_._Py_DebugOffsets.interpreter_state_size, static_cast<int64_t>(nonsense));
    EXPECT_EQ(Overlaid().status().code(), absl::StatusCode::kDataLoss);
    Say(tabled_._Py_DebugOffsets.interpreter_state_size, tabled_.PyInterpreterState.size_);
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, DebugOffsetsTest, ::testing::Values(13, 14, 15));

TEST(DebugOffsets, OlderVersionsHaveNone) {
  testing::Arena arena;
  EXPECT_EQ(DebugOffsets::Read(arena, arena.Allocate(4096), *FindVersionSupport(12)->release).status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pysnap
