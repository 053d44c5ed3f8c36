#include "snapshotter/memory/process_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

using ::testing::HasSubstr;

constexpr size_t kPage = 4096;

// Reads this very process, which needs no permission.
class ProcessMemoryTest : public ::testing::TestWithParam<ProcessMemory::Method> {
 protected:
  void SetUp() override {
    pages_ =
        static_cast<std::byte*>(mmap(nullptr, 8 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(pages_, MAP_FAILED);
    for (size_t i = 0; i < 8 * kPage; ++i) pages_[i] = static_cast<std::byte>(i / kPage * 7 + i);
    ASSERT_EQ(munmap(pages_ + 4 * kPage, kPage), 0);
  }
  void TearDown() override { munmap(pages_, 8 * kPage); }

  Address At(size_t offset) const { return Address(reinterpret_cast<uint64_t>(pages_) + offset); }
  bool Right(size_t offset, absl::Span<const std::byte> bytes) const {
    return std::equal(bytes.begin(), bytes.end(), pages_ + offset);
  }

  std::byte* pages_ = nullptr;
  ProcessMemory memory_{getpid(), GetParam()};
};

TEST_P(ProcessMemoryTest, ReadsAcrossPages) {
  std::vector<std::byte> bytes(3 * kPage);
  ASSERT_TRUE(memory_.Read(At(100), absl::MakeSpan(bytes)).ok());
  EXPECT_TRUE(Right(100, bytes));
}

TEST_P(ProcessMemoryTest, NamesTheFirstUnreadableAddress) {
  std::vector<std::byte> bytes(4 * kPage);
  const absl::Status status = memory_.Read(At(kPage + 8), absl::MakeSpan(bytes));
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrFormat("%#x", At(4 * kPage).value())));
}

TEST_P(ProcessMemoryTest, SurvivesAbsurdAddresses) {
  std::vector<std::byte> bytes(64);
  for (const uint64_t address : {uint64_t{0}, uint64_t{1} << 47, uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 10}) {
    EXPECT_TRUE(absl::IsOutOfRange(memory_.Read(Address(address), absl::MakeSpan(bytes)))) << address;
  }
  EXPECT_TRUE(memory_.Read(Address(0), {}).ok());
}

TEST_P(ProcessMemoryTest, ServesWhatItCanOfMany) {
  std::vector<std::byte> bytes(3000 * 8);
  std::vector<ReadRequest> requests;
  for (size_t i = 0; i < 3000; ++i) {
    // Every third lies in the hole.
    const size_t offset = i % 3 == 1 ? 4 * kPage + i % kPage / 8 * 8 : i;
    requests.push_back({At(offset), absl::MakeSpan(bytes).subspan(i * 8, 8)});
  }
  ASSERT_TRUE(memory_.ReadMany(absl::MakeSpan(requests)).ok());
  for (size_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(requests[i].done, i % 3 == 1 ? 0u : 8u) << i;
    if (i % 3 != 1) {
      EXPECT_TRUE(Right(i, requests[i].out)) << i;
    }
  }
}

TEST_P(ProcessMemoryTest, SaysHowFarEachOfManyWent) {
  std::vector<std::byte> bytes(3 * kPage);
  ReadRequest requests[] = {{At(3 * kPage + 96), absl::MakeSpan(bytes).subspan(0, 2 * kPage)},
                            {At(0), {}},
                            {At(6 * kPage), absl::MakeSpan(bytes).subspan(2 * kPage, kPage)}};
  ASSERT_TRUE(memory_.ReadMany(absl::MakeSpan(requests)).ok());
  EXPECT_EQ(requests[0].done, kPage - 96);
  EXPECT_EQ(requests[2].done, kPage);
  EXPECT_TRUE(Right(3 * kPage + 96, requests[0].out.subspan(0, kPage - 96)));
  EXPECT_TRUE(Right(6 * kPage, requests[2].out));
}

TEST_P(ProcessMemoryTest, AProcessThatIsGoneIsNotFound) {
  const pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  ProcessMemory memory(child, GetParam());
  int64_t value = 0;
  const absl::Span<std::byte> out(reinterpret_cast<std::byte*>(&value), sizeof(value));
  EXPECT_TRUE(memory.Read(At(0), out).ok());
  kill(child, SIGKILL);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);  // a zombie now
  EXPECT_TRUE(absl::IsNotFound(memory.Read(At(0), out))) << memory.Read(At(0), out);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(absl::IsNotFound(memory.Read(At(0), out)));
}

INSTANTIATE_TEST_SUITE_P(Methods,
                         ProcessMemoryTest,
                         ::testing::Values(ProcessMemory::Method::kVmReadv, ProcessMemory::Method::kProcMem),
                         [](const auto& info) {
                           return info.param == ProcessMemory::Method::kVmReadv ? "VmReadv" : "ProcMem";
                         });

}  // namespace
}  // namespace pysnap
