#include "snapshotter/capture/capturer.h"

#include <sys/utsname.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/capture/pauser.h"
#include "snapshotter/capture/snapshot_builder.h"
#include "snapshotter/capture/sources.h"
#include "snapshotter/capture/target_walk.h"
#include "snapshotter/cpython/runtime_locator.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/format/output_path.h"
#include "snapshotter/format/snapshot_writer.h"
#include "snapshotter/memory/page_cache.h"
#include "snapshotter/process/live_target.h"

namespace pysnap {
namespace {

// How often a target is stopped for one snapshot when what a thread was just doing keeps its frames from being told,
// and how long it then runs before, at first: each time twice as long, because other processes may hold it up.
constexpr int kMaxPauses = 8;
constexpr std::chrono::milliseconds kFirstRun{1};

constexpr char kPysnapVersion[] = PYSNAP_VERSION;

// The release levels of PY_VERSION_HEX (Include/patchlevel.h).
struct ReleaseLevel {
  uint32_t bits;
  const char* name;
  const char* suffix;
};
constexpr ReleaseLevel kReleaseLevels[] = {
    {0xa, "alpha", "a"}, {0xb, "beta", "b"}, {0xc, "candidate", "rc"}, {0xf, "final", ""}};

void FillPython(const Runtime& runtime, proto::Python& python) {
  const uint32_t hex = runtime.hex_version;
  python.set_major(hex >> 24);
  python.set_minor((hex >> 16) & 0xff);
  python.set_micro((hex >> 8) & 0xff);
  std::string version = absl::StrFormat("%d.%d.%d", python.major(), python.minor(), python.micro());
  for (const ReleaseLevel& level : kReleaseLevels) {
    if (((hex >> 4) & 0xf) != level.bits) continue;
    python.set_release_level(level.name);
    python.set_serial(hex & 0xf);
    if (level.suffix[0] != '\0') absl::StrAppend(&version, level.suffix, python.serial());
    // A pre-release may have any magic number.
    if (level.suffix[0] == '\0') python.set_magic(runtime.version->magic);
  }
  python.set_version(version);
  python.set_debug(runtime.debug);
  python.set_free_threaded(runtime.free_threaded);
  utsname name;
  if (uname(&name) == 0) python.set_machine(name.machine);
}

proto::Header MakeHeader(const ProcessInfo& info, const Runtime& runtime, const Occasion& occasion, absl::Time time) {
  proto::Header header;
  header.set_format(1);
  header.set_pysnap_version(kPysnapVersion);
  header.set_time_ns(absl::ToUnixNanos(time));
  *header.mutable_reason() = occasion.reason;
  proto::Process& process = *header.mutable_process();
  process.set_pid(info.pid);
  for (const std::string& argument : info.argv) process.add_argv(argument);
  process.set_executable(info.executable);
  process.set_cwd(info.cwd);
  process.set_hostname(info.hostname);
  FillPython(runtime, *process.mutable_python());
  return header;
}

// One recording of what a Pauser took.
struct Recording {
  std::unique_ptr<SnapshotWriter> writer;
  std::unique_ptr<SnapshotBuilder> builder;
  WalkResult walk;
};

// Records `pages` to a file that has the name `path` when it is finished.
absl::StatusOr<Recording> Record(const WalkInput& input,
                                 PageCache& pages,
                                 const proto::Header& header,
                                 const std::string& path) {
  Recording recording;
  ASSIGN_OR_RETURN(recording.writer, SnapshotWriter::Create(path));
  recording.builder = std::make_unique<SnapshotBuilder>(*recording.writer, header);
  recording.walk = RecordTarget(input, pages, *recording.builder);
  return recording;
}

// The same until nothing is found to be secret that was not known to be when the recording began.
absl::StatusOr<Recording> RecordWithSecrets(WalkInput input,
                                            PageCache& pages,
                                            const proto::Header& header,
                                            const CaptureOptions& options,
                                            const std::string& path) {
  constexpr int kRounds = 4;
  if (options.progress) {
    input.progress = [&options](uint64_t objects) { options.progress("recording", objects); };
  }
  absl::flat_hash_set<Address> secrets = *input.secrets;
  input.secrets = &secrets;
  for (int round = 1;; ++round) {
    ASSIGN_OR_RETURN(Recording recording, Record(input, pages, header, path));
    if (recording.walk.abandoned || recording.walk.secrets == secrets || round == kRounds) return recording;
    secrets = std::move(recording.walk.secrets);
  }
}

}  // namespace

std::string ProgramName(const ProcessInfo& info) {
  for (size_t i = 1; i < info.argv.size(); ++i) {
    const std::string& argument = info.argv[i];
    if (argument == "-c") break;
    if (argument == "-m" && i + 1 < info.argv.size()) return info.argv[i + 1];
    if (!argument.empty() && argument[0] != '-') return argument;
  }
  return info.executable;
}

absl::StatusOr<Runtime> FindPython(LiveTarget& target) {
  absl::StatusOr<Runtime> runtime = LocateRuntime(target);
  const absl::StatusCode code = runtime.status().code();
  if (code == absl::StatusCode::kNotFound || code == absl::StatusCode::kDataLoss ||
      code == absl::StatusCode::kOutOfRange) {
    RETURN_IF_ERROR(LiveTarget::Open(target.info().pid).status());
    return absl::FailedPreconditionError(runtime.status().message());
  }
  return runtime;
}

absl::StatusOr<CaptureSummary> CaptureLive(pid_t pid, const CaptureOptions& options, PauseMode pause) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const RedactionRules redaction, RedactionRules::Create(!options.no_redact, options.redact));
  ASSIGN_OR_RETURN(const std::unique_ptr<LiveTarget> target, LiveTarget::Open(pid));
  ASSIGN_OR_RETURN(const Runtime runtime, FindPython(*target));
  const PauseOptions pause_options = {.mode = pause};
  const CaptureSource source = {
      .target = *target,
      .runtime = runtime,
      .pause =
          [&](const std::function<void(PausedProcess&)>& read) { return PauseAndRead(*target, pause_options, read); },
      // In a copy, or in what runs on, there is nothing to hurry for.
      .rehearse = pause == PauseMode::kStop,
      .start = start,
  };
  Occasion occasion;
  occasion.reason.set_kind(proto::Reason::ATTACH);
  return Capture(source, occasion, redaction, options,
                 OutputPath(options.output, ProgramName(target->info()), pid, start));
}

absl::StatusOr<CaptureSummary> Capture(const CaptureSource& source,
                                       const Occasion& occasion,
                                       const RedactionRules& redaction,
                                       const CaptureOptions& options,
                                       const std::string& path) {
  CaptureSummary summary;
  summary.path = path;
  // What cannot be written need not be read.
  RETURN_IF_ERROR(SnapshotWriter::Create(path).status());

  WalkInput input;
  input.runtime = &source.runtime;
  input.options = {.no_locals = options.no_locals,
                   .native = options.native,
                   .max_objects = options.max_objects,
                   .max_bytes = options.max_bytes,
                   .max_depth = options.max_depth};
  input.occasion = &occasion;
  input.redaction = &redaction;
  if (options.progress) {
    input.progress = [&options](uint64_t objects) { options.progress("looking for", objects); };
  }
  Pauser pauser(source.target, source.pause, input);
  const proto::Header header = MakeHeader(source.target.info(), source.runtime, occasion, source.start);
  Recording recording;
  if (source.rehearse) {
    RETURN_IF_ERROR(pauser.TakeRehearsed());
    if (options.native) pauser.native_stacks()->Decode();
    WalkInput attempt = pauser.input();
    attempt.abandoned = [&pauser] { return pauser.Missed(); };
    ASSIGN_OR_RETURN(recording, RecordWithSecrets(attempt, pauser.pages(), header, options, path));
  }
  std::chrono::milliseconds run = kFirstRun;
  const auto look_again = [&] {
    if (!source.rehearse || recording.walk.passing_problems == 0 || pauser.pauses() >= kMaxPauses) return false;
    std::this_thread::sleep_for(run);
    run *= 2;
    return true;
  };
  bool in_vain = !source.rehearse || pauser.Missed();
  while (in_vain || look_again()) {
    in_vain = false;
    recording = Recording();
    RETURN_IF_ERROR(pauser.TakeWalked());
    if (options.native) pauser.native_stacks()->Decode();
    ASSIGN_OR_RETURN(recording, RecordWithSecrets(pauser.input(), pauser.pages(), header, options, path));
  }
  SnapshotBuilder& builder = *recording.builder;
  const WalkResult& walk = recording.walk;

  const absl::Status& failure = pauser.pages().failure();
  if (!failure.ok()) builder.AddProblem("memory", failure.message());
  AddSources(source.target, builder);

  proto::Trailer trailer;
  summary.complete = !walk.limited && failure.ok();
  summary.pause_ns = pauser.pause_ns();
  summary.total_ns = absl::ToInt64Nanoseconds(absl::Now() - source.start);
  trailer.set_complete(summary.complete);
  trailer.set_pause_ns(summary.pause_ns);
  trailer.set_total_ns(summary.total_ns);
  RETURN_IF_ERROR(builder.Finish(trailer));
  summary.threads = walk.threads;
  summary.objects = walk.objects;
  summary.problems = walk.problems;
  summary.has_exception = walk.has_exception;
  summary.file_bytes = recording.writer->bytes_written();
  return summary;
}

}  // namespace pysnap
