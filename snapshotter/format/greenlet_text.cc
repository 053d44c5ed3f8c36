#include "snapshotter/format/greenlet_text.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/greenlet_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// Ids of greenlets that are told of a group.
constexpr size_t kFirstIds = 8;

class Text {
 public:
  Text(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer)
      : snapshot_(snapshot), style_(options.color), writer_(writer), greenlets_(ViewGreenlets(snapshot)) {
    if (options.thread.empty()) return;
    absl::flat_hash_set<int64_t> threads;
    for (const proto::Thread* thread : SelectThreads(snapshot, options)) threads.insert(thread->native_id());
    std::erase_if(greenlets_, [&](const GreenletView& view) { return !threads.contains(view.greenlet->native_id()); });
  }

  void Write() {
    if (greenlets_.empty()) return writer_.Line("no greenlets");
    for (const Group& group : Groups()) One(greenlets_[group.first], group.others);
  }

 private:
  // A greenlet and those that look the same.
  struct Group {
    size_t first;
    std::vector<size_t> others;
  };

  std::vector<Group> Groups() {
    std::vector<Group> groups;
    absl::flat_hash_map<std::string, size_t> alike;
    for (size_t i = 0; i < greenlets_.size(); ++i) {
      const GreenletView& view = greenlets_[i];
      const proto::Greenlet& greenlet = *view.greenlet;
      const bool alone = greenlet.is_main() || greenlet.state() == proto::Greenlet::RUNNING ||
                         (greenlet.state() == proto::Greenlet::NOT_STARTED && greenlet.run() != 0) ||
                         greenlet.has_truncated() || greenlet.handling() != 0;
      std::string key = absl::StrCat(greenlet.state(), " ", greenlet.native_id(), " ", greenlet.interpreter(), " ",
                                     greenlet.parent(), " ", greenlet.thread_ended(), " ", TypeOfGreenlet(greenlet),
                                     " ", greenlet.has_absent() ? AbsentText(greenlet.absent()) : "");
      for (const FrameView& frame : view.frames) absl::StrAppend(&key, " ", frame.frame->code(), ":", frame.lasti);
      if (alone) absl::StrAppend(&key, " alone ", i);
      const auto [it, inserted] = alike.try_emplace(std::move(key), groups.size());
      if (inserted) {
        groups.push_back({i, {}});
      } else {
        groups[it->second].others.push_back(i);
      }
    }
    return groups;
  }

  void One(const GreenletView& view, const std::vector<size_t>& others) {
    const proto::Greenlet& greenlet = *view.greenlet;
    writer_.Line("");
    std::vector<std::string> facts;
    if (greenlet.is_main()) facts.push_back("main greenlet");
    if (greenlet.native_id() != 0) facts.push_back(absl::StrCat("of thread ", greenlet.native_id()));
    if (greenlet.thread_ended()) facts.push_back("its thread has ended");
    if (greenlet.interpreter() > 0) facts.push_back(absl::StrCat("interpreter ", greenlet.interpreter()));
    if (greenlet.parent() != 0) facts.push_back(absl::StrCat("parent ", AddressText(greenlet.parent())));
    const std::string state = view.state == nullptr ? "of unknown state" : view.state;
    writer_.Line(absl::StrCat(
        style_(Color::kHeading, absl::StrCat(TypeOfGreenlet(greenlet), " ", AddressText(greenlet.address()))), " ",
        style_(Color::kDim, state), facts.empty() ? "" : absl::StrCat(" (", absl::StrJoin(facts, ", "), ")")));
    Others(others);
    if (greenlet.has_absent()) {
      return writer_.Line(absl::StrCat(
          "  ", style_(Color::kWarning, absl::StrCat("what it does is not known: ", AbsentText(greenlet.absent())))));
    }
    writer_.ExplainAgain();
    if (greenlet.state() == proto::Greenlet::RUNNING) {
      writer_.Line(absl::StrCat(
          "  ", style_(Color::kDim, greenlet.native_id() == 0 ? "its frames are those of the thread that it runs in"
                                                              : "its frames are those of the thread")));
      return;
    }
    if (greenlet.run() != 0)
      writer_.Line(absl::StrCat("  ", style_(Color::kDim, "will call "), writer_.ValueText(greenlet.run())));
    if (greenlet.has_truncated()) {
      writer_.Line(absl::StrCat(
          "  ", style_(Color::kWarning, absl::StrCat("older frames are missing: ", AbsentText(greenlet.truncated())))));
    }
    writer_.Frames(view.frames, "  ", {});
    if (greenlet.handling() != 0) {
      writer_.Line("  Handling:");
      absl::flat_hash_set<uint64_t> told;
      for (const FrameView& frame : view.frames) told.insert(frame.frame->address());
      writer_.ExceptionChain(greenlet.handling(), "    ", told);
    }
  }

  void Others(const std::vector<size_t>& others) {
    if (others.empty()) return;
    std::vector<std::string> ids;
    for (size_t i = 0; i < std::min(others.size(), kFirstIds); ++i) {
      ids.push_back(AddressText(greenlets_[others[i]].greenlet->address()));
    }
    if (others.size() > kFirstIds) ids.push_back("…");
    writer_.Line(absl::StrCat("  ",
                              style_(Color::kDim, absl::StrCat("and ", others.size(), " more in the same place: ")),
                              absl::StrJoin(ids, ", ")));
  }

  std::string TypeOfGreenlet(const proto::Greenlet& greenlet) const {
    const proto::Object* object = snapshot_.object(greenlet.object());
    const std::string type = object == nullptr ? std::string() : TypeNameOf(snapshot_, *object);
    return type.empty() ? std::string("a greenlet") : Harmless(type);
  }

  const LoadedSnapshot& snapshot_;
  const Style style_;
  TextWriter& writer_;
  std::vector<GreenletView> greenlets_;
};

}  // namespace

void WriteGreenlets(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer) {
  Text(snapshot, options, writer).Write();
}

}  // namespace pysnap::format
