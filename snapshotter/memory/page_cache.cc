#include "snapshotter/memory/page_cache.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

constexpr uint64_t kWindowPages = 64;
// Pages fetched around the n-th miss in a window: what is visited again and again is worth fetching whole, and a
// window seen once (a single type object, a stray string) is not.
constexpr uint64_t kReadAhead[] = {1, 4, 16, 16, 64};
// A bound on what one Prefetch reads, whatever sizes the caller found in the target.
constexpr uint64_t kMaxPrefetchPages = (uint64_t{1} << 30) / PageCache::kPageSize;
// So many of its ranges are looked at one after the other in Fetch; more go into further calls.
constexpr size_t kMaxRuns = 4096;

Address PageAddress(uint64_t page) { return Address(page * PageCache::kPageSize); }

}  // namespace

PageCache::PageCache(Memory& source, Options options)
    : source_(source), options_(std::move(options)), slabs_(options_.max_bytes) {
  const uint64_t room = std::min(options_.prefault_bytes, options_.max_bytes);
  slabs_.Prefault(room);
  pages_.reserve(static_cast<size_t>(std::max<uint64_t>(room / kPageSize, 1024)));
  windows_.reserve(1024);
  runs_.reserve(256);
  requests_.reserve(256);
}

absl::Status PageCache::ReadSlow(Address address, absl::Span<std::byte> out) {
  if (out.empty()) return absl::OkStatus();
  if (out.size() - 1 > std::numeric_limits<uint64_t>::max() - address.value()) return UnreadableError(Address());
  const uint64_t first = address.value() / kPageSize;
  const uint64_t last = (address.value() + (out.size() - 1)) / kPageSize;
  RETURN_IF_ERROR(Obtain(first, last));
  uint64_t done = 0;
  for (uint64_t page = first; page <= last; ++page) {
    const Address at = address + static_cast<int64_t>(done);
    const auto it = pages_.find(page);
    if (it == pages_.end()) {
      if (!failure_.ok()) return failure_;
      ++counts_.missed_pages;
      return absl::OutOfRangeError(absl::StrFormat("address %#x was not kept", at.value()));
    }
    if (it->second == nullptr) return UnreadableError(at);
    const uint64_t offset = at.value() % kPageSize;
    const uint64_t size = std::min<uint64_t>(kPageSize - offset, out.size() - done);
    std::memcpy(out.data() + done, it->second + offset, size);
    recent_[page % kRecent] = {page, it->second};
    done += size;
  }
  return absl::OkStatus();
}

absl::Status PageCache::Obtain(uint64_t first, uint64_t last) {
  if (frozen() || !failure_.ok()) return absl::OkStatus();
  runs_.clear();
  AddMissing(first, last, runs_);
  if (runs_.empty()) return absl::OkStatus();
  // A large object is fetched as it is; around a small one, its neighbours are likely to be wanted.
  if (last - first <= 1 && options_.presence) {
    for (uint64_t page = first; page <= last; ++page) {
      if (!pages_.contains(page)) AddReadAhead(page, runs_);
    }
  }
  failure_ = Fetch(runs_);
  for (uint64_t page = first; page <= last && failure_.ok(); ++page) {
    const auto it = pages_.find(page);
    if (it == pages_.end()) {
      failure_ = absl::ResourceExhaustedError(
          absl::StrFormat("more than %d MiB of the target's memory would have to be kept", options_.max_bytes >> 20));
    } else if (it->second == nullptr) {
      break;
    }
  }
  return failure_;
}

// Appends the runs of pages in [first, last] that are not known, up to the first one that is known to be unreadable.
void PageCache::AddMissing(uint64_t first, uint64_t last, std::vector<Run>& runs) const {
  for (uint64_t page = first; page <= last; ++page) {
    const auto it = pages_.find(page);
    if (it != pages_.end()) {
      if (it->second == nullptr) return;
      continue;
    }
    if (!runs.empty() && runs.back().page + runs.back().count == page) {
      ++runs.back().count;
    } else {
      runs.push_back({page, 1});
    }
  }
}

void PageCache::AddReadAhead(uint64_t page, std::vector<Run>& runs) {
  const uint64_t base = page / kWindowPages * kWindowPages;
  Window& window = windows_[base];
  const size_t step = std::min<size_t>(window.misses, std::size(kReadAhead) - 1);
  ++window.misses;
  const uint64_t count = kReadAhead[step];
  if (count == 1 || slabs_.left_bytes() < 2 * kWindowPages * kPageSize) return;
  if (window.misses == 2) window.present = options_.presence(PageAddress(base));
  const uint64_t begin = page / count * count;
  for (uint64_t ahead = begin; ahead < begin + count; ++ahead) {
    if ((window.present >> (ahead - base) & 1) == 0 || pages_.contains(ahead)) continue;
    const auto covers = [ahead](const Run& run) { return ahead - run.page < run.count; };
    if (std::any_of(runs.begin(), runs.end(), covers)) continue;
    if (!runs.empty() && runs.back().page + runs.back().count == ahead) {
      ++runs.back().count;
    } else {
      runs.push_back({ahead, 1});
    }
    ++counts_.ahead_pages;
  }
}

absl::Status PageCache::Fetch(absl::Span<const Run> runs) {
  // Runs are read into contiguous pages as far as the slabs allow; what had no room stays unknown.
  requests_.clear();
  for (const Run& run : runs) {
    uint64_t done = 0;
    while (done < run.count) {
      const absl::Span<std::byte> room = slabs_.Allocate(run.count - done);
      if (room.empty()) break;
      requests_.push_back({PageAddress(run.page + done), room});
      done += room.size() / kPageSize;
    }
  }
  if (requests_.empty()) return absl::OkStatus();
  ++counts_.fetches;
  const absl::Status status = source_.ReadMany(absl::MakeSpan(requests_));
  for (size_t i = requests_.size(); i-- > 0;) {  // backwards: what is returned joins the free end of the slab again
    const ReadRequest& request = requests_[i];
    const uint64_t first = request.address.value() / kPageSize;
    const uint64_t whole = status.ok() ? request.done / kPageSize : 0;
    for (uint64_t page = 0; page < whole; ++page) {
      pages_[first + page] = request.out.data() + page * kPageSize;
    }
    counts_.pages += whole;
    if (whole * kPageSize == request.out.size()) continue;
    slabs_.Return(request.out.subspan(whole * kPageSize));
    if (!status.ok()) continue;
    pages_.try_emplace(first + whole, nullptr);
    ++counts_.unreadable_pages;
  }
  return status;
}

void PageCache::Prefetch(absl::Span<const AddressRange> ranges) {
  if (frozen() || !failure_.ok()) return;
  uint64_t budget = std::min(kMaxPrefetchPages, slabs_.left_bytes() / kPageSize);
  runs_.clear();
  for (const AddressRange& range : ranges) {
    if (range.size == 0 || range.size - 1 > std::numeric_limits<uint64_t>::max() - range.begin.value()) continue;
    const uint64_t first = range.begin.value() / kPageSize;
    const uint64_t last = (range.begin.value() + (range.size - 1)) / kPageSize;
    // More than is allowed altogether is not a size to be believed.
    if (last - first >= budget) continue;
    budget -= last - first + 1;
    AddMissing(first, last, runs_);
    if (runs_.size() >= kMaxRuns) FetchInOrder(runs_);
  }
  FetchInOrder(runs_);
}

// Fetches each page once, although the runs may overlap and come in any order; then clears them.
void PageCache::FetchInOrder(std::vector<Run>& runs) {
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.page < b.page; });
  size_t merged = 0;
  for (const Run& run : runs) {
    if (merged > 0 && run.page <= runs[merged - 1].page + runs[merged - 1].count) {
      Run& before = runs[merged - 1];
      before.count = std::max(before.count, run.page + run.count - before.page);
    } else {
      runs[merged++] = run;
    }
  }
  // A target that is gone shows when it is read.
  Fetch(absl::MakeConstSpan(runs.data(), merged)).IgnoreError();
  runs.clear();
}

void PageCache::PrepareRefresh() {
  std::vector<uint64_t> numbers;
  numbers.reserve(pages_.size());
  for (const auto& [page, bytes] : pages_) numbers.push_back(page);
  std::sort(numbers.begin(), numbers.end());
  refresh_.clear();
  retries_.clear();
  for (const uint64_t page : numbers) {
    const std::byte* bytes = pages_[page];
    if (bytes == nullptr) {
      retries_.push_back({page, 1});
      continue;
    }
    // The slabs are ours, and writable.
    const absl::Span<std::byte> out(const_cast<std::byte*>(bytes), kPageSize);
    if (!refresh_.empty()) {
      ReadRequest& last = refresh_.back();
      if (last.out.data() + last.out.size() == out.data() &&
          last.address.value() + last.out.size() == page * kPageSize) {
        last.out = absl::MakeSpan(last.out.data(), last.out.size() + kPageSize);
        continue;
      }
    }
    refresh_.push_back({PageAddress(page), out});
  }
}

void PageCache::Refresh() {
  if (frozen() || !failure_.ok()) return;
  recent_.fill({});
  for (const Run& run : retries_) pages_.erase(run.page);
  while (!refresh_.empty() && failure_.ok()) {
    ++counts_.fetches;
    failure_ = source_.ReadMany(absl::MakeSpan(refresh_));
    // What comes after a page that has become unreadable is a request of its own.
    size_t left = 0;
    for (const ReadRequest& request : refresh_) {
      if (request.done >= request.out.size()) continue;
      const uint64_t whole = request.done / kPageSize * kPageSize;
      MarkUnreadable((request.address.value() + whole) / kPageSize);
      if (whole + kPageSize == request.out.size()) continue;
      refresh_[left++] = {request.address + static_cast<int64_t>(whole + kPageSize),
                          request.out.subspan(whole + kPageSize)};
    }
    refresh_.resize(left);
  }
  refresh_.clear();
  if (failure_.ok()) failure_ = Fetch(retries_);
  retries_.clear();
}

void PageCache::MarkUnreadable(uint64_t page) {
  pages_[page] = nullptr;
  --counts_.pages;
  ++counts_.unreadable_pages;
}

}  // namespace pysnap
