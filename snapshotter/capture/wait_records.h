// What threads wait for by descriptors, as records.
#ifndef PYSNAP_CAPTURE_WAIT_RECORDS_H_
#define PYSNAP_CAPTURE_WAIT_RECORDS_H_

#include "proto/snapshot.pb.h"
#include "snapshotter/objects/graph_crawler.h"
#include "snapshotter/process/system_calls.h"
#include "snapshotter/process/waited_files.h"

namespace pysnap {

// Fills Wait.fd and Wait.file. `files`: what was read when the thread was stopped; null: nobody could ask the kernel.
void RecordWaitedFiles(const WaitingCall& call, WaitedFiles* files, GraphCrawler& crawler, proto::Wait& wait);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_WAIT_RECORDS_H_
