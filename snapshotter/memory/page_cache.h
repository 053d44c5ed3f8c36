// Keeps every page of the target that is read through it, so that the target can be let go and read on afterwards.
//
//   PageCache pages(target.memory(), {.presence = target.presence()});
//   … walk the target while it runs …     every page that the walk touches is kept
//   pages.PrepareRefresh();
//   … stop it …
//   pages.Refresh();                      the same pages, as they are now, in one go
//   pages.Freeze();
//   … let it go, walk again …             the walk sees the moment of the stop
//   if (pages.counts().missed_pages > 0)  … and it led elsewhere than the first time: not all of it was kept
#ifndef PYSNAP_MEMORY_PAGE_CACHE_H_
#define PYSNAP_MEMORY_PAGE_CACHE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/memory/slab_allocator.h"

namespace pysnap {

// For the 64 pages of 4 KiB from `first_page` on (its address is a multiple of 256 KiB), bit i tells that page i is
// mapped in at the moment, so that reading it costs the target nothing. False negatives are harmless.
using PagePresence = std::function<uint64_t(Address first_page)>;

// A page once read changes only by Refresh, and one that could not be read stays unreadable until then: two equal walks
// see the same, even when the target runs. Once the limit was hit or the target was gone, nothing more is fetched, for
// the same reason.
class PageCache : public Memory {
 public:
  static constexpr uint64_t kPageSize = SlabAllocator::kPageSize;

  struct Options {
    // More than this is not kept; reads that would need it give ResourceExhausted.
    uint64_t max_bytes = uint64_t{8} << 30;
    // So much room is made ready by the constructor.
    uint64_t prefault_bytes = 0;
    // Allows reading ahead, of pages that are present only. Without it, just what is asked for is fetched.
    PagePresence presence = nullptr;
  };

  struct Counts {
    uint64_t pages = 0;             // kept
    uint64_t ahead_pages = 0;       // of them, fetched before anybody asked for them
    uint64_t unreadable_pages = 0;  // asked for and not to be had
    uint64_t missed_pages = 0;      // asked for since the last Freeze, and not known
    uint64_t fetches = 0;           // calls of the source
  };

  // `source` outlives the cache, or at least its freezing.
  PageCache(Memory& source, Options options);
  explicit PageCache(Memory& source) : PageCache(source, Options()) {}

  // As Memory::Read; ResourceExhausted when the limit stands in the way. After Freeze, OutOfRange for what was not kept
  // because nobody asked for it, and otherwise what was the answer before.
  absl::Status Read(Address address, absl::Span<std::byte> out) override {
    const uint64_t page = address.value() / kPageSize;
    const uint64_t offset = address.value() % kPageSize;
    const Recent& recent = recent_[page % kRecent];
    if (recent.page == page && offset + out.size() <= kPageSize && out.size() <= kPageSize) {
      std::memcpy(out.data(), recent.bytes + offset, out.size());
      return absl::OkStatus();
    }
    return ReadSlow(address, out);
  }

  // Fetches what is not kept yet of these ranges, in few calls. Ranges are cut at their first unreadable page.
  void Prefetch(absl::Span<const AddressRange> ranges) override;

  // Makes ready for Refresh all that takes time.
  void PrepareRefresh();
  // Reads every known page again, as it is now; also those that could not be read before. Does nothing once failure()
  // is set. PrepareRefresh was called, and nothing was read since.
  void Refresh();

  // From now on, until Thaw, the source is not used.
  void Freeze() {
    frozen_ = true;
    counts_.missed_pages = 0;
  }
  void Thaw() { frozen_ = false; }
  bool frozen() const { return frozen_; }

  const Counts& counts() const { return counts_; }
  // Why some pages were not fetched: ResourceExhausted, or the source's error (it is gone). OK when there was nothing.
  const absl::Status& failure() const { return failure_; }

 private:
  // The pages used last, by the low bits of their number: most reads end here.
  static constexpr size_t kRecent = 2048;
  struct Recent {
    uint64_t page = ~uint64_t{0};
    const std::byte* bytes = nullptr;
  };
  // A run of pages to fetch.
  struct Run {
    uint64_t page = 0;
    uint64_t count = 0;
  };
  // What is known of 64 pages that lie together, to decide how far to read ahead.
  struct Window {
    uint64_t present = 0;
    uint32_t misses = 0;
  };

  absl::Status ReadSlow(Address address, absl::Span<std::byte> out);
  // Makes the pages [first, last] known as far as they can be, all but those after the first unreadable one.
  absl::Status Obtain(uint64_t first, uint64_t last);
  absl::Status Fetch(absl::Span<const Run> runs);
  void MarkUnreadable(uint64_t page);
  void FetchInOrder(std::vector<Run>& runs);
  void AddMissing(uint64_t first, uint64_t last, std::vector<Run>& runs) const;
  void AddReadAhead(uint64_t page, std::vector<Run>& runs);

  Memory& source_;
  const Options options_;
  bool frozen_ = false;
  SlabAllocator slabs_;
  std::array<Recent, kRecent> recent_;
  // By page number; null for a page that could not be read.
  absl::flat_hash_map<uint64_t, const std::byte*> pages_;
  absl::flat_hash_map<uint64_t, Window> windows_;
  Counts counts_;
  absl::Status failure_;
  // Scratch, kept for its capacity.
  std::vector<Run> runs_;
  std::vector<ReadRequest> requests_;
  // What Refresh reads: known pages in place, and the ones to be tried once more.
  std::vector<ReadRequest> refresh_;
  std::vector<Run> retries_;
};

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_PAGE_CACHE_H_
