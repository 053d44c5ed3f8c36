#include "snapshotter/cpython/signal_handlers.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

using testing::Arena;
using testing::FakeRuntime;

constexpr int64_t kItem = 16;
// More than is read at once.
constexpr uint64_t kSegment = uint64_t{512} << 10;

class SignalTableTest : public ::testing::TestWithParam<const VersionSupport*> {
 protected:
  SignalTableTest() : arena_(2 << 20), fake_(*GetParam(), *GetParam()->release, arena_) {
    fake_.runtime.symbols["PyLong_Type"] = arena_.Allocate(512);
    default_ = fake_.Object("PyLong_Type", 64);
    segment_ = arena_.Allocate(kSegment);
    fake_.runtime.writable = {{segment_, kSegment}};
  }

  // A table all of whose handlers are the default one.
  void PutTable(Address at) {
    for (int64_t signal = 1; signal < static_cast<int64_t>(kSignalCount); ++signal) Put(at, signal, default_);
  }
  void Put(Address table, int64_t signal, Address function) {
    arena_.Put(table + signal * kItem + 8, function.value());
  }

  absl::StatusOr<Address> Find() { return FindSignalTable(fake_.runtime, arena_); }

  Arena arena_;
  FakeRuntime fake_;
  Address default_;
  Address segment_;
};

TEST_P(SignalTableTest, IsFoundWhereverItIs) {
  // At the beginning, where what is read at once ends, and at the end.
  for (const uint64_t offset : {uint64_t{8}, uint64_t{256 << 10} - 40, kSegment - kSignalCount * kItem}) {
    const Address table = segment_ + static_cast<int64_t>(offset);
    PutTable(table);
    const absl::StatusOr<Address> found = Find();
    ASSERT_TRUE(found.ok()) << found.status() << " at " << offset;
    EXPECT_EQ(*found, table);
    for (int64_t signal = 1; signal < static_cast<int64_t>(kSignalCount); ++signal) Put(table, signal, Address());
  }
}

TEST_P(SignalTableTest, WhatOnlyLooksLikeItIsNone) {
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
  const Address table = segment_ + 64;
  const Address other = fake_.Object("PyTuple_Type", 64);
  const auto refuses = [&](int64_t signal, Address function) {
    PutTable(table);
    Put(table, signal, function);
    const absl::Status status = Find().status();
    Put(table, signal, Address());
    return status.code() == absl::StatusCode::kNotFound;
  };
  arena_.Put(table - kItem, uint64_t{5});
  EXPECT_TRUE(refuses(0, default_));
  EXPECT_TRUE(refuses(SIGKILL, other));
  EXPECT_TRUE(refuses(SIGUSR1, Address()));
  EXPECT_TRUE(refuses(64, Address(default_.value() + 1)));
  PutTable(table);
  arena_.Put(table + SIGUSR1 * kItem, uint64_t{2});
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
  arena_.Put(table + SIGUSR1 * kItem, uint64_t{1});
  EXPECT_TRUE(Find().ok());
  Put(table, SIGKILL, other);
  Put(table, SIGSTOP, other);
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
}

TEST_P(SignalTableTest, OfTwoNeitherIsBelieved) {
  PutTable(segment_ + 64);
  PutTable(segment_ + 4096);
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(SignalTableTest, UnreadableSegmentsAreLeftOut) {
  fake_.runtime.writable.insert(fake_.runtime.writable.begin(), {Address(8), kSegment});
  PutTable(segment_ + 64);
  EXPECT_TRUE(Find().ok());
  fake_.runtime.writable = {{segment_, 100}};
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
}

TEST_P(SignalTableTest, ReadsFunctionsAlone) {
  const Address table = segment_ + 64;
  const Address function = fake_.Object("PyTuple_Type", 64);
  PutTable(table);
  Put(table, SIGINT, function);
  Put(table, SIGPIPE, fake_.Object("PyLong_Type", 64));
  Put(table, SIGUSR1, fake_.runtime.Symbol("_Py_NoneStruct"));
  const auto handlers = ReadSignalTable(fake_.runtime, arena_, table);
  ASSERT_TRUE(handlers.ok()) << handlers.status();
  for (size_t signal = 0; signal < kSignalCount; ++signal) {
    EXPECT_EQ((*handlers)[signal], signal == SIGINT ? function : Address()) << signal;
  }
  Put(table, 1, Address());
  EXPECT_EQ(ReadSignalTable(fake_.runtime, arena_, table).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadSignalTable(fake_.runtime, arena_, Address(8)).status().code(), absl::StatusCode::kOutOfRange);
}

INSTANTIATE_TEST_SUITE_P(AllVersions, SignalTableTest, ::testing::ValuesIn(AllVersionSupports()), [](const auto& info) {
  return "v3_" + std::to_string(info.param->minor);
});

}  // namespace
}  // namespace pysnap
