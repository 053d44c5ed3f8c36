#include "snapshotter/capture/greenlet_records.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/objects/absent.h"

namespace pysnap {
namespace {

proto::Greenlet::State StateOf(const Greenlet& greenlet) {
  switch (greenlet.state) {
    case GreenletState::kNotStarted:
      return proto::Greenlet::NOT_STARTED;
    case GreenletState::kRunning:
      return proto::Greenlet::RUNNING;
    case GreenletState::kSuspended:
      return proto::Greenlet::SUSPENDED;
    case GreenletState::kFinished:
      return proto::Greenlet::FINISHED;
    case GreenletState::kUnknown:
      break;
  }
  return proto::Greenlet::STATE_UNKNOWN;
}

}  // namespace

std::vector<proto::Greenlet> RecordGreenlets(const GreenletList& list,
                                             const absl::flat_hash_map<Address, int64_t>& native_ids,
                                             FrameRecorder& recorder,
                                             GraphCrawler& crawler,
                                             absl::FunctionRef<void(absl::string_view, const absl::Status&)> problem) {
  for (const absl::Status& status : list.problems) problem("greenlets", status);
  // One reason may hold for all of them.
  absl::Status last;
  std::vector<proto::Greenlet> records;
  records.reserve(list.greenlets.size());
  for (const Greenlet& greenlet : list.greenlets) {
    proto::Greenlet& record = records.emplace_back();
    const std::string where = absl::StrFormat("greenlet %#x", greenlet.object.value());
    record.set_address(greenlet.object.value());
    record.set_object(crawler.Ref(greenlet.object));
    record.set_interpreter(greenlet.interpreter_id);
    if (!greenlet.problem.ok()) {
      SetAbsent(greenlet.problem, *record.mutable_absent());
      if (greenlet.problem != last) problem(where, greenlet.problem);
      last = greenlet.problem;
      continue;
    }
    record.set_state(StateOf(greenlet));
    record.set_is_main(greenlet.is_main);
    record.set_parent(greenlet.parent.value());
    record.set_main(greenlet.main.value());
    if (const auto thread = native_ids.find(greenlet.thread_state); thread != native_ids.end()) {
      record.set_native_id(thread->second);
    }
    record.set_thread_ended(greenlet.thread_ended);
    record.set_run(crawler.Ref(greenlet.run));
    record.set_handling(crawler.RefEssential(greenlet.handling));
    const FrameInfo* callee = nullptr;
    for (const FrameInfo& frame : greenlet.chain.frames) {
      recorder.Fill(frame, crawler, *record.add_frame(), callee);
      callee = &frame;
      if (!frame.problem.ok()) problem(absl::StrCat("frame #", record.frame_size() - 1, " of ", where), frame.problem);
    }
    if (!greenlet.chain.truncated.ok()) {
      SetAbsent(greenlet.chain.truncated, *record.mutable_truncated());
      problem(absl::StrCat("frames of ", where), greenlet.chain.truncated);
    }
  }
  return records;
}

}  // namespace pysnap
