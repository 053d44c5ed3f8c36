#include "snapshotter/cpython/runtime_check.h"

#include <gtest/gtest.h>

#include <memory>

#include "snapshotter/cpython/version_support.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

// A runtime with a subinterpreter, the main interpreter and two threads, on the layout of every build.
class RuntimeCheckTest : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  RuntimeCheckTest() {
    runtime_.version = FindVersionSupport(std::get<0>(GetParam()));
    runtime_.debug = std::get<1>(GetParam());
    runtime_.layout = runtime_.debug ? *runtime_.version->debug : *runtime_.version->release;
    const Layout& layout = runtime_.layout;
    runtime_.py_runtime = arena_.Allocate(static_cast<size_t>(layout._PyRuntimeState.size_));
    main_ = arena_.Allocate(static_cast<size_t>(layout.PyInterpreterState.size_));
    sub_ = arena_.Allocate(static_cast<size_t>(layout.PyInterpreterState.size_));
    newest_ = arena_.Allocate(static_cast<size_t>(layout.PyThreadState.size_));
    oldest_ = arena_.Allocate(static_cast<size_t>(layout.PyThreadState.size_));
    Put(runtime_.py_runtime, layout._PyRuntimeState.interpreters_head, sub_.value());
    Put(sub_, layout.PyInterpreterState.next, main_.value());
    Put(sub_, layout.PyInterpreterState.id, 1);
    for (const Address interpreter : {main_, sub_}) {
      Put(interpreter, layout.PyInterpreterState.runtime, runtime_.py_runtime.value());
    }
    Put(main_, layout.PyInterpreterState.threads_head, newest_.value());
    Put(newest_, layout.PyThreadState.next, oldest_.value());
    for (const Address thread : {newest_, oldest_}) Put(thread, layout.PyThreadState.interp, main_.value());

    const Address type = arena_.Allocate(512);
    AddType("PyType_Type", "type", type, type);
    AddType("PyLong_Type", "int", arena_.Allocate(512), type);
  }

  void Put(Address object, Offset field, uint64_t value) {
    if (field != kNoOffset) arena_.Put(object + field, value);
  }

  void AddType(const std::string& symbol, const std::string& name, Address type, Address type_of_type) {
    runtime_.symbols[symbol] = type;
    const Address text = arena_.Allocate(64);
    for (size_t i = 0; i < name.size(); ++i) arena_.Put(text + static_cast<int64_t>(i), name[i]);
    Put(type, runtime_.layout.PyObject.ob_type, type_of_type.value());
    Put(type, runtime_.layout.PyTypeObject.tp_name, text.value());
  }

  absl::StatusCode Check() { return CheckRuntime(arena_, runtime_).code(); }

  testing::Arena arena_{4 << 20};
  Runtime runtime_;
  Address main_;
  Address sub_;
  Address newest_;
  Address oldest_;
};

TEST_P(RuntimeCheckTest, BelievesWhatFits) { EXPECT_EQ(Check(), absl::StatusCode::kOk); }

TEST_P(RuntimeCheckTest, ARuntimeThatIsNotUpIsNoRuntimeYet) {
  Put(runtime_.py_runtime, runtime_.layout._PyRuntimeState.interpreters_head, 0);
  EXPECT_EQ(Check(), absl::StatusCode::kFailedPrecondition);
  Put(runtime_.py_runtime, runtime_.layout._PyRuntimeState.interpreters_head, sub_.value());
  Put(main_, runtime_.layout.PyInterpreterState.threads_head, 0);
  EXPECT_EQ(Check(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(RuntimeCheckTest, WhatIsLinkedBeforeItIsFilledIsNotUpYet) {
  Put(newest_, runtime_.layout.PyThreadState.interp, 0);
  EXPECT_EQ(Check(), absl::StatusCode::kFailedPrecondition);
  Put(newest_, runtime_.layout.PyThreadState.interp, main_.value());
  if (runtime_.layout.PyInterpreterState.runtime == kNoOffset) return;
  Put(main_, runtime_.layout.PyInterpreterState.runtime, 0);
  EXPECT_EQ(Check(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(RuntimeCheckTest, ABrokenChainIsRefused) {
  Put(newest_, runtime_.layout.PyThreadState.interp, sub_.value());
  EXPECT_EQ(Check(), absl::StatusCode::kDataLoss);
  Put(newest_, runtime_.layout.PyThreadState.interp, main_.value());
  Put(main_, runtime_.layout.PyInterpreterState.threads_head, 0x123456789a);
  EXPECT_EQ(Check(), absl::StatusCode::kOutOfRange);
}

TEST_P(RuntimeCheckTest, ARingOfInterpretersEnds) {
  Put(main_, runtime_.layout.PyInterpreterState.id, 2);
  Put(main_, runtime_.layout.PyInterpreterState.next, sub_.value());
  EXPECT_EQ(Check(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(RuntimeCheckTest, ObjectsOfAnotherShapeAreRefused) {
  // As with Py_TRACE_REFS, whose objects begin with two more pointers.
  const Address type = runtime_.Symbol("PyLong_Type");
  Put(type, runtime_.layout.PyObject.ob_type, 0);
  EXPECT_EQ(Check(), absl::StatusCode::kUnimplemented);
  Put(type, runtime_.layout.PyObject.ob_type, runtime_.Symbol("PyType_Type").value());
  Put(type, runtime_.layout.PyTypeObject.tp_name, main_.value());
  EXPECT_EQ(Check(), absl::StatusCode::kUnimplemented);
  runtime_.symbols.clear();
  EXPECT_EQ(Check(), absl::StatusCode::kUnimplemented);
}

INSTANTIATE_TEST_SUITE_P(
    AllBuilds, RuntimeCheckTest, ::testing::Combine(::testing::Range(8, 16), ::testing::Bool()), [](const auto& info) {
      return "v3_" + std::to_string(std::get<0>(info.param)) + (std::get<1>(info.param) ? "_debug" : "_release");
    });

}  // namespace
}  // namespace pysnap
