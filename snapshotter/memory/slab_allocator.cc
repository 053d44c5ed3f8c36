#include "snapshotter/memory/slab_allocator.h"

#include <sys/mman.h>

#include <algorithm>

namespace pysnap {
namespace {

constexpr uint64_t kMaxSlab = uint64_t{64} << 20;
constexpr uint64_t kHugePage = uint64_t{2} << 20;

}  // namespace

SlabAllocator::~SlabAllocator() {
  for (const auto& [memory, size] : slabs_) munmap(memory, size);
}

void SlabAllocator::Prefault(uint64_t bytes) {
  bytes = std::min(bytes, left_bytes()) / kPageSize * kPageSize;
  if (bytes > free_.size()) AddSlab(bytes, /*prefault=*/true);
}

bool SlabAllocator::AddSlab(uint64_t bytes, bool prefault) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  if (prefault) madvise(memory, bytes, MADV_POPULATE_WRITE);
#else
  if (prefault) {
    for (uint64_t at = 0; at < bytes; at += kPageSize) static_cast<volatile char*>(memory)[at] = 0;
  }
#endif
  if (!free_.empty()) returned_.push_back(free_);
  slabs_.emplace_back(memory, bytes);
  free_ = absl::MakeSpan(static_cast<std::byte*>(memory), bytes);
  return true;
}

absl::Span<std::byte> SlabAllocator::Allocate(size_t pages) {
  const uint64_t allowed = std::min<uint64_t>(pages, left_bytes() / kPageSize);
  if (allowed == 0) return {};
  absl::Span<std::byte>* source = &free_;
  if (!returned_.empty()) {
    source = &returned_.back();
  } else if (free_.empty()) {
    if (!AddSlab(next_slab_bytes_, /*prefault=*/false)) return {};
    next_slab_bytes_ = std::min(next_slab_bytes_ * 2, kMaxSlab);
  }
  const size_t bytes = std::min<size_t>(source->size(), allowed * kPageSize);
  const absl::Span<std::byte> run = source->subspan(0, bytes);
  source->remove_prefix(bytes);
  if (!returned_.empty() && returned_.back().empty()) returned_.pop_back();
  used_bytes_ += bytes;
  return run;
}

void SlabAllocator::Return(absl::Span<std::byte> run) {
  if (run.empty()) return;
  used_bytes_ -= run.size();
  if (run.data() + run.size() == free_.data()) {
    free_ = absl::MakeSpan(run.data(), run.size() + free_.size());
  } else {
    returned_.push_back(run);
  }
}

}  // namespace pysnap
