// Greenlets as records of a snapshot.
#ifndef PYSNAP_CAPTURE_GREENLET_RECORDS_H_
#define PYSNAP_CAPTURE_GREENLET_RECORDS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/cpython/greenlets.h"
#include "snapshotter/objects/frame_records.h"
#include "snapshotter/objects/graph_crawler.h"

namespace pysnap {

// In their order; with all that their frames hold. `native_ids`: of threads, by their PyThreadState. `problem` is
// called with what could not be read of which.
std::vector<proto::Greenlet> RecordGreenlets(const GreenletList& list,
                                             const absl::flat_hash_map<Address, int64_t>& native_ids,
                                             FrameRecorder& recorder,
                                             GraphCrawler& crawler,
                                             absl::FunctionRef<void(absl::string_view, const absl::Status&)> problem);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_GREENLET_RECORDS_H_
