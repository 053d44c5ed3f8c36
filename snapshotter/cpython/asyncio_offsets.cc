#include "snapshotter/cpython/asyncio_offsets.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxStructSize = 16u << 20;
constexpr uint64_t kMaxSectionSize = 4096;

// Its members in their order, 3.14 and 3.15: of TaskObj, of PyInterpreterState, of _PyThreadStateImpl.
struct Numbers {
  uint64_t task_size;
  uint64_t task_name;
  uint64_t task_awaited_by;
  uint64_t task_is_task;
  uint64_t task_awaited_by_is_set;
  uint64_t task_coro;
  uint64_t task_node;
  uint64_t interpreter_size;
  uint64_t interpreter_tasks;
  uint64_t thread_size;
  uint64_t thread_running_loop;
  uint64_t thread_running_task;
  uint64_t thread_tasks;
};

bool MayHoldAsyncio(const MappedModule& module, absl::string_view runtime_path) {
  const absl::string_view path = module.path;
  return path == runtime_path || absl::StartsWith(path.substr(path.rfind('/') + 1), "_asyncio.");
}

// Empty when there are none.
absl::StatusOr<std::vector<uint64_t>> FindNumbers(Target& target, const MappedModule& module) {
  std::vector<uint64_t> values;
  absl::StatusOr<ElfImage> image = OpenImage(target, module);
  if (!image.ok()) return values;
  ASSIGN_OR_RETURN(const std::optional<ElfSection> section, image->FindSection(".AsyncioDebug"));
  if (!section.has_value()) return values;
  const std::vector<int64_t> biases = LoadBiases(*image, module, target);
  if (biases.empty()) return values;
  if (section->size > kMaxSectionSize) return absl::UnimplementedError("it gives too many offsets");
  RETURN_IF_ERROR(
      target.memory().ReadArray(Address(section->address) + biases.front(), section->size / sizeof(uint64_t), values));
  return values;
}

bool IsWithin(uint64_t offset, uint64_t struct_size) {
  return struct_size <= kMaxStructSize && offset < struct_size && offset % alignof(uint64_t) == 0;
}

}  // namespace

absl::Status ApplyAsyncioOffsets(absl::Span<const uint64_t> values, Layout& layout) {
  if (values.size() != sizeof(Numbers) / sizeof(uint64_t)) {
    return absl::UnimplementedError(absl::StrCat("it gives ", values.size(), " offsets"));
  }
  Numbers numbers;
  std::memcpy(&numbers, values.data(), sizeof(numbers));
  const struct {
    uint64_t given;
    Offset expected;
  } fixed[] = {
      {numbers.task_size, layout.TaskObj.size_},
      {numbers.task_name, layout.TaskObj.task_name},
      {numbers.task_awaited_by, layout.TaskObj.task_awaited_by},
      {numbers.task_awaited_by_is_set, layout.TaskObj.task_awaited_by_is_set},
      {numbers.task_coro, layout.TaskObj.task_coro},
      {numbers.task_node, layout.TaskObj.task_node},
  };
  for (const auto& [given, expected] : fixed) {
    if (given != static_cast<uint64_t>(expected)) {
      return absl::UnimplementedError(absl::StrCat("its tasks are laid out differently: ", given, ", not ", expected));
    }
  }
  if (!IsWithin(numbers.interpreter_tasks, numbers.interpreter_size) ||
      !IsWithin(numbers.thread_running_loop, numbers.thread_size) ||
      !IsWithin(numbers.thread_running_task, numbers.thread_size) ||
      !IsWithin(numbers.thread_tasks, numbers.thread_size)) {
    return absl::DataLossError("its offsets make no sense");
  }
  layout.PyInterpreterState.asyncio_tasks_head = static_cast<Offset>(numbers.interpreter_tasks);
  layout.PyThreadState.asyncio_running_loop = static_cast<Offset>(numbers.thread_running_loop);
  layout.PyThreadState.asyncio_running_task = static_cast<Offset>(numbers.thread_running_task);
  layout.PyThreadState.asyncio_tasks_head = static_cast<Offset>(numbers.thread_tasks);
  return absl::OkStatus();
}

absl::Status OverlayAsyncioOffsets(Target& target,
                                   const std::vector<MappedModule>& modules,
                                   absl::string_view runtime_path,
                                   Layout& layout) {
  for (const MappedModule& module : modules) {
    if (!MayHoldAsyncio(module, runtime_path)) continue;
    ASSIGN_OR_RETURN(const std::vector<uint64_t> values, FindNumbers(target, module));
    if (!values.empty()) return ApplyAsyncioOffsets(values, layout);
  }
  return absl::OkStatus();
}

}  // namespace pysnap
