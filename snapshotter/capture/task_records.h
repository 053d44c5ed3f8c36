// The records of the tasks of asyncio and trio.
#ifndef PYSNAP_CAPTURE_TASK_RECORDS_H_
#define PYSNAP_CAPTURE_TASK_RECORDS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/graph_crawler.h"

namespace pysnap {

// Finds the tasks and refers to what they lead to. `native_ids`: of threads, by their ident. `limited`: budgets may be
// spent, which what tasks are suspended in is not to suffer from. `problem` is told of what could not be read: where,
// and why.
std::vector<proto::Task> RecordTasks(const Runtime& runtime,
                                     Memory& memory,
                                     FrameWalker& walker,
                                     const std::vector<PythonThread>& threads,
                                     const absl::flat_hash_map<uint64_t, int64_t>& native_ids,
                                     bool limited,
                                     GraphCrawler& crawler,
                                     absl::FunctionRef<void(absl::string_view, absl::string_view)> problem);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_TASK_RECORDS_H_
