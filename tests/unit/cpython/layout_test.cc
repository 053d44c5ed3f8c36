#include "snapshotter/cpython/layout.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "snapshotter/cpython/layout_fields.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr int kFirst = 8;
constexpr int kLast = 15;

// The fields that only some versions have, the first and the last of them, twice if there is a gap. Every other field
// is in every version. A struct that comes and goes as a whole has the field "*". (What _Py_DebugOffsets has is
// whatever the target has.)
struct Range {
  absl::string_view struct_name;
  absl::string_view field_name;
  int first;
  int last;
};
constexpr Range kRanges[] = {
    {"_PyRuntimeState", "debug_offsets", 13, 15},
    {"_PyRuntimeState", "gc", 8, 8},
    {"_PyRuntimeState", "ceval_gil", 8, 11},
    {"_PyRuntimeState", "gilstate_tstate_current", 8, 11},
    {"PyInterpreterState", "runtime", 9, 15},
    {"PyInterpreterState", "asyncio_tasks_head", 14, 15},
    {"PyInterpreterState", "ceval_gil", 12, 15},
    {"PyInterpreterState", "gil", 12, 15},
    {"PyInterpreterState", "gc", 9, 15},
    {"PyThreadState", "frame", 8, 10},
    {"PyThreadState", "cframe", 10, 12},
    {"PyThreadState", "current_frame", 13, 15},
    {"PyThreadState", "base_frame", 15, 15},
    {"PyThreadState", "status", 12, 15},
    {"PyThreadState", "state", 13, 15},
    {"PyThreadState", "holds_gil", 14, 15},
    {"PyThreadState", "native_thread_id", 11, 15},
    {"PyThreadState", "curexc_type", 8, 11},
    {"PyThreadState", "curexc_value", 8, 11},
    {"PyThreadState", "curexc_traceback", 8, 11},
    {"PyThreadState", "current_exception", 12, 15},
    {"PyThreadState", "datastack_chunk", 11, 15},
    {"PyThreadState", "datastack_top", 11, 15},
    {"PyThreadState", "datastack_limit", 11, 15},
    {"PyThreadState", "asyncio_running_loop", 13, 15},
    {"PyThreadState", "asyncio_running_task", 14, 15},
    {"PyThreadState", "asyncio_tasks_head", 14, 15},
    {"llist_node", "*", 13, 15},
    {"_PyCFrame", "current_frame", 11, 12},
    {"_PyCFrame", "previous", 10, 12},
    {"_PyCFrame", "use_tracing", 10, 11},
    {"_PyErr_StackItem", "exc_type", 8, 10},
    {"_PyErr_StackItem", "exc_traceback", 8, 10},
    {"_PyStackChunk", "*", 11, 15},
    {"PyFrameObject", "f_code", 8, 10},
    {"PyFrameObject", "f_builtins", 8, 10},
    {"PyFrameObject", "f_globals", 8, 10},
    {"PyFrameObject", "f_locals", 8, 10},
    {"PyFrameObject", "f_valuestack", 8, 10},
    {"PyFrameObject", "f_stacktop", 8, 9},
    {"PyFrameObject", "f_stackdepth", 10, 10},
    {"PyFrameObject", "f_gen", 8, 10},
    {"PyFrameObject", "f_lasti", 8, 10},
    {"PyFrameObject", "f_iblock", 8, 10},
    {"PyFrameObject", "f_executing", 8, 9},
    {"PyFrameObject", "f_state", 10, 10},
    {"PyFrameObject", "f_blockstack", 8, 10},
    {"PyFrameObject", "f_localsplus", 8, 10},
    {"PyFrameObject", "f_frame", 11, 15},
    {"PyFrameObject", "f_extra_locals", 13, 15},
    {"PyFrameObject", "_f_frame_data", 11, 15},
    {"PyTryBlock", "*", 8, 10},
    {"_PyInterpreterFrame", "f_executable", 11, 15},
    {"_PyInterpreterFrame", "previous", 11, 15},
    {"_PyInterpreterFrame", "f_funcobj", 11, 15},
    {"_PyInterpreterFrame", "f_globals", 11, 15},
    {"_PyInterpreterFrame", "f_builtins", 11, 15},
    {"_PyInterpreterFrame", "f_locals", 11, 15},
    {"_PyInterpreterFrame", "frame_obj", 11, 15},
    {"_PyInterpreterFrame", "prev_instr", 11, 12},
    {"_PyInterpreterFrame", "instr_ptr", 13, 15},
    {"_PyInterpreterFrame", "stacktop", 11, 13},
    {"_PyInterpreterFrame", "stackpointer", 14, 15},
    {"_PyInterpreterFrame", "return_offset", 12, 15},
    {"_PyInterpreterFrame", "owner", 11, 15},
    {"_PyInterpreterFrame", "is_entry", 11, 11},
    {"_PyInterpreterFrame", "localsplus", 11, 15},
    {"PyCodeObject", "co_code", 8, 10},
    {"PyCodeObject", "co_varnames", 8, 10},
    {"PyCodeObject", "co_freevars", 8, 10},
    {"PyCodeObject", "co_cellvars", 8, 10},
    {"PyCodeObject", "co_cell2arg", 8, 10},
    {"PyCodeObject", "co_lnotab", 8, 9},
    {"PyCodeObject", "co_linetable", 10, 15},
    {"PyCodeObject", "co_qualname", 11, 15},
    {"PyCodeObject", "co_exceptiontable", 11, 15},
    {"PyCodeObject", "co_localsplusnames", 11, 15},
    {"PyCodeObject", "co_localspluskinds", 11, 15},
    {"PyCodeObject", "co_nlocalsplus", 11, 15},
    {"PyCodeObject", "co_nplaincellvars", 11, 11},
    {"PyCodeObject", "co_ncellvars", 11, 15},
    {"PyCodeObject", "co_nfreevars", 11, 15},
    {"PyCodeObject", "co_framesize", 12, 15},
    {"PyCodeObject", "co_version", 12, 15},
    {"PyCodeObject", "_co_firsttraceable", 11, 15},
    {"PyCodeObject", "co_executors", 13, 15},
    {"PyCodeObject", "_co_instrumentation_version", 12, 15},
    {"PyCodeObject", "_co_monitoring", 12, 15},
    {"PyCodeObject", "co_code_adaptive", 11, 15},
    {"_PyCoMonitoringData", "*", 12, 15},
    {"_PyCoLineInstrumentationData", "original_opcode", 12, 13},
    {"_PyCoLineInstrumentationData", "line_delta", 12, 13},
    {"_PyCoLineInstrumentationData", "bytes_per_entry", 14, 15},
    {"_PyCoLineInstrumentationData", "data", 14, 15},
    {"_PyExecutorArray", "*", 13, 15},
    {"_PyExecutorObject", "*", 13, 15},
    {"PyManagedDict", "dict", 11, 15},
    {"PyManagedDict", "values", 11, 11},
    {"PyHeapTypeObject", "ht_module", 9, 15},
    {"PyHeapTypeObject", "_ht_tpname", 11, 15},
    {"PyLongObject", "lv_tag", 12, 15},
    {"PyASCIIObject", "wstr", 8, 11},
    {"PyCompactUnicodeObject", "wstr_length", 8, 11},
    {"PyByteArrayObject", "ob_bytes_object", 15, 15},
    {"PyTupleObject", "ob_hash", 14, 15},
    {"PyDictKeysObject", "dk_size", 8, 10},
    {"PyDictKeysObject", "dk_lookup", 8, 10},
    {"PyDictKeysObject", "dk_log2_size", 11, 15},
    {"PyDictKeysObject", "dk_log2_index_bytes", 11, 15},
    {"PyDictKeysObject", "dk_kind", 11, 15},
    {"PyDictKeysObject", "dk_version", 11, 15},
    {"PyDictUnicodeEntry", "*", 11, 15},
    {"PyDictValues", "capacity", 13, 15},
    {"PyDictValues", "size", 13, 15},
    {"PyDictValues", "embedded", 13, 15},
    {"PyDictValues", "valid", 13, 15},
    {"PyFunctionObject", "func_builtins", 10, 15},
    {"PyFunctionObject", "func_annotate", 14, 15},
    {"PyFunctionObject", "func_typeparams", 12, 15},
    {"PyFunctionObject", "func_version", 11, 15},
    {"PyCMethodObject", "*", 9, 15},
    {"propertyobject", "prop_name", 10, 15},
    {"PyModuleObject", "md_def", 8, 14},
    {"gaobject", "*", 9, 15},
    {"PyZoneInfo_ZoneInfo", "*", 9, 15},
    {"cycleobject", "firstpass", 8, 13},
    {"pairwiseobject", "*", 10, 15},
    {"anextawaitableobject", "*", 10, 15},
    {"TaskWakeupMethWrapper", "*", 8, 9},
    {"PyRunningLoopHolder", "*", 8, 11},
    {"batchedobject", "it", 12, 15},
    {"batchedobject", "batch_size", 12, 15},
    {"batchedobject", "strict", 13, 15},
    {"batchedobject", "size_", 12, 15},
    {"stringio", "accu", 8, 11},
    {"stringio", "writer", 12, 15},
    {"_PyAccu", "*", 8, 11},
    {"methodcallerobject", "args", 8, 12},
    {"methodcallerobject", "args", 14, 15},
    {"methodcallerobject", "xargs", 13, 13},
    {"simplequeueobject", "lst", 8, 12},
    {"simplequeueobject", "lst_pos", 8, 12},
    {"simplequeueobject", "buf", 13, 15},
    {"RingBuf", "*", 13, 15},
    {"fileio", "truncate", 15, 15},
    {"unionobject", "*", 10, 15},
    {"PyBaseExceptionObject", "notes", 11, 15},
    {"PyBaseExceptionGroupObject", "msg", 11, 15},
    {"PyBaseExceptionGroupObject", "excs", 11, 15},
    {"PyBaseExceptionGroupObject", "excs_str", 14, 15},
    {"PySyntaxErrorObject", "end_lineno", 10, 15},
    {"PySyntaxErrorObject", "end_offset", 10, 15},
    {"PySyntaxErrorObject", "metadata", 14, 15},
    {"PyImportErrorObject", "name_from", 12, 15},
    {"PyNameErrorObject", "*", 10, 15},
    {"PyAttributeErrorObject", "*", 10, 15},
    {"PyGenObject", "gi_frame", 8, 10},
    {"PyGenObject", "gi_running", 8, 9},
    {"PyGenObject", "gi_code", 8, 11},
    {"PyGenObject", "gi_frame_state", 11, 15},
    {"PyGenObject", "gi_iframe", 11, 15},
    {"PyCoroObject", "*", 8, 10},
    {"PyAsyncGenObject", "ag_finalizer", 8, 10},
    {"PyAsyncGenAThrow", "agt_args", 8, 14},
    {"FutureObj", "fut_awaited_by", 14, 15},
    {"FutureObj", "fut_is_task", 14, 15},
    {"FutureObj", "fut_awaited_by_is_set", 14, 15},
    {"FutureObj", "dict", 8, 12},
    {"TaskObj", "task_awaited_by", 14, 15},
    {"TaskObj", "task_is_task", 14, 15},
    {"TaskObj", "task_awaited_by_is_set", 14, 15},
    {"TaskObj", "dict", 8, 12},
    {"TaskObj", "task_node", 14, 15},
    {"lockobject", "lock_lock", 8, 13},
    {"lockobject", "locked", 8, 13},
    {"lockobject", "lock", 13, 15},
    {"rlockobject", "rlock_lock", 8, 13},
    {"rlockobject", "rlock_owner", 8, 13},
    {"rlockobject", "rlock_count", 8, 13},
    {"rlockobject", "lock_mutex", 14, 15},
    {"rlockobject", "lock_thread", 14, 15},
    {"rlockobject", "lock_level", 14, 15},
    {"zipobject", "strict", 10, 15},
    {"mapobject", "strict", 14, 15},
    {"rangeiterobject", "index", 8, 11},
    {"longrangeiterobject", "index", 8, 11},
};

bool ShouldHave(const LayoutField& field, int minor) {
  bool everywhere = true;
  for (const Range& range : kRanges) {
    if (range.struct_name != field.struct_name) continue;
    if (range.field_name != "*" && range.field_name != field.field_name) continue;
    if (range.first <= minor && minor <= range.last) return true;
    everywhere = false;
  }
  return everywhere;
}

std::string Name(const LayoutField& field) {
  return std::string(field.struct_name) + "." + std::string(field.field_name);
}

class LayoutTest : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  int minor() const { return std::get<0>(GetParam()); }
  const Layout& layout() const {
    const VersionSupport* support = FindVersionSupport(minor());
    return std::get<1>(GetParam()) ? *support->debug : *support->release;
  }
};

TEST_P(LayoutTest, HasEveryFieldOfItsVersion) {
  for (const LayoutField& field : LayoutFields()) {
    if (field.is_size() || field.struct_name == "_Py_DebugOffsets") continue;
    EXPECT_EQ(field.Get(layout()) != kNoOffset, ShouldHave(field, minor())) << Name(field);
  }
}

TEST_P(LayoutTest, FieldsLieWithinTheirStructsApart) {
  std::map<std::string, std::map<Offset, std::string>> seen;
  Offset size = kNoOffset;
  for (const LayoutField& field : LayoutFields()) {
    const Offset offset = field.Get(layout());
    if (field.is_size()) size = offset;
    if (field.is_size() || offset == kNoOffset || field.field_name == "base_size") continue;
    if (field.struct_name == "PyManagedDict") {
      EXPECT_LT(offset, 0) << Name(field);
      continue;
    }
    EXPECT_GE(offset, 0) << Name(field);
    // A field of no length (dk_indices, co_code_adaptive) may lie at the end.
    if (size != kNoOffset) {
      EXPECT_LE(offset, size) << Name(field);
    }
    // A bit field of the byte that others are in.
    if (field.struct_name == "fileio" && field.field_name == "truncate") continue;
    // 3.13 has one of two structs.
    if (field.struct_name == "lockobject" && field.field_name == "lock_lock" && minor() == 13) continue;
    const auto [it, added] = seen[std::string(field.struct_name)].emplace(offset, Name(field));
    // A member and the first member of it: the interpreter's exception state and GIL.
    EXPECT_TRUE(added) << Name(field) << " where " << it->second << " is";
  }
}

TEST_P(LayoutTest, ObjectsBeginWithTheHeader) {
  const Layout& l = layout();
  EXPECT_EQ(l.PyObject.ob_refcnt, 0);
  EXPECT_EQ(l.PyObject.ob_type, 8);
  EXPECT_EQ(l.PyObject.size_, 16);
  EXPECT_EQ(l.PyVarObject.ob_size, 16);
  EXPECT_EQ(l.PyVarObject.size_, 24);
  EXPECT_EQ(l.PyListObject.ob_item, 24);
}

INSTANTIATE_TEST_SUITE_P(AllBuilds,
                         LayoutTest,
                         ::testing::Combine(::testing::Range(kFirst, kLast + 1), ::testing::Bool()),
                         [](const auto& info) {
                           return "v3_" + std::to_string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) ? "_debug" : "_release");
                         });

TEST(VersionSupportTest, HasEveryVersionOnce) {
  int expected = kFirst;
  for (const VersionSupport* support : AllVersionSupports()) {
    EXPECT_EQ(support->minor, expected++);
    EXPECT_EQ(FindVersionSupport(support->minor), support);
  }
  EXPECT_EQ(expected, kLast + 1);
  EXPECT_EQ(FindVersionSupport(7), nullptr);
  EXPECT_EQ(FindVersionSupport(16), nullptr);
}

TEST(VersionSupportTest, MakesEveryChoice) {
  for (const VersionSupport* support : AllVersionSupports()) {
    SCOPED_TRACE(support->minor);
    EXPECT_NE(support->magic, 0);
    EXPECT_NE(support->find_position, nullptr);
    EXPECT_NE(support->current_frame, nullptr);
    EXPECT_NE(support->read_frame_links, nullptr);
    EXPECT_NE(support->read_frame_contents, nullptr);
    EXPECT_NE(support->decode_stack_ref, nullptr);
    EXPECT_NE(support->decode_stack_number, nullptr);
    EXPECT_NE(support->decode_long_shape, nullptr);
    EXPECT_NE(support->decode_unicode_state, nullptr);
    EXPECT_NE(support->read_dict_keys, nullptr);
    EXPECT_NE(support->read_split_values, nullptr);
    EXPECT_NE(support->read_instance_attributes, nullptr);
    EXPECT_NE(support->read_generator, nullptr);
    EXPECT_NE(support->gil_holder, nullptr);
  }
}

}  // namespace
}  // namespace pysnap
