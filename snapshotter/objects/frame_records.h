// Records frames and code objects: the bridge between cpython/'s walkers and the crawler.
#ifndef PYSNAP_OBJECTS_FRAME_RECORDS_H_
#define PYSNAP_OBJECTS_FRAME_RECORDS_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/cpython/active_contexts.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/objects/graph_crawler.h"

namespace pysnap {

// One for each run of a crawl, since it keeps what it read. Not thread-safe.
class FrameRecorder {
 public:
  struct Options {
    // Leave out locals, stacks and namespaces.
    bool no_locals = false;
  };

  // All outlive the recorder.
  FrameRecorder(const Runtime& runtime, Memory& memory, CodeReader& code_reader, FrameWalker& walker, Options options)
      : runtime_(runtime),
        memory_(memory),
        code_reader_(code_reader),
        walker_(walker),
        options_(options),
        contexts_(runtime, memory, code_reader, walker),
        cell_type_(runtime.Symbol("PyCell_Type")),
        str_type_(runtime.Symbol("PyUnicode_Type")) {}

  // Records what `info` holds. What is missing of it is said in `out.absent`. `callee`: the frame that it has called.
  void Fill(const FrameInfo& info, GraphCrawler& crawler, proto::Frame& out, const FrameInfo* callee = nullptr);

  // For CrawlOptions. They refer to the recorder, which outlives the crawl.
  CodeFiller code_filler();
  FrameFiller frame_filler();

 private:
  absl::Status FillCode(Address code, GraphCrawler& crawler, proto::Code& out);
  void FillStack(const FrameInfo& info, const FrameInfo* callee, GraphCrawler& crawler, proto::Frame& out);
  void FillContexts(const FrameInfo& info, const FrameInfo* callee, GraphCrawler& crawler, proto::Frame& out);
  void FillLocals(const FrameInfo& info, GraphCrawler& crawler, proto::Frame& out);
  // The text of a str of the target, read once; what is no str gives "?".
  const std::string& Text(Address str);
  // The __name__ in a frame's globals; empty when that is not a str.
  const std::string& ModuleName(Address globals);

  const Runtime& runtime_;
  Memory& memory_;
  CodeReader& code_reader_;
  FrameWalker& walker_;
  const Options options_;
  ContextReader contexts_;
  const Address cell_type_;
  const Address str_type_;
  absl::flat_hash_map<Address, std::string> texts_;
  absl::flat_hash_map<Address, std::string> modules_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_FRAME_RECORDS_H_
