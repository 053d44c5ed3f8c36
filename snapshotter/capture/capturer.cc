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
#include "snapshotter/capture/redacted_arguments.h"
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

// How many programs in a row a process may execute while it is being opened.
constexpr int kMaxOpenings = 20;

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
    const absl::string_view why = runtime.status().message();
    if (code != absl::StatusCode::kOutOfRange) return absl::FailedPreconditionError(why);
    return absl::FailedPreconditionError(
        absl::StrFormat("its CPython cannot be read (it starts, ends, or is damaged): %s", why));
  }
  return runtime;
}

namespace {

absl::StatusOr<CaptureSummary> CaptureOpened(LiveTarget& target,
                                             const RedactionRules& redaction,
                                             const CaptureOptions& options,
                                             PauseMode pause,
                                             absl::Time start) {
  RETURN_IF_ERROR(target.CheckOwnMemory());
  ASSIGN_OR_RETURN(const Runtime runtime, FindPython(target));
  const PauseOptions pause_options = {.mode = pause};
  const CaptureSource source = {
      .target = target,
      .runtime = runtime,
      .pause =
          [&](const std::function<void(PausedProcess&)>& read) { return PauseAndRead(target, pause_options, read); },
      // In a copy, or in what runs on, there is nothing to hurry for.
      .rehearse = pause == PauseMode::kStop,
      .may_look_again = pause != PauseMode::kNone,
      .start = start,
  };
  Occasion occasion;
  occasion.reason.set_kind(proto::Reason::ATTACH);
  return Capture(source, occasion, redaction, options,
                 OutputPath(options.output, ProgramName(target.info()), target.pid(), start));
}

}  // namespace

absl::StatusOr<CaptureSummary> CaptureLive(pid_t pid, const CaptureOptions& options, PauseMode pause) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const RedactionRules redaction, RedactionRules::Create(!options.no_redact, options.redact));
  for (int opening = 1;; ++opening) {
    ASSIGN_OR_RETURN(const std::unique_ptr<LiveTarget> target, LiveTarget::Open(pid));
    absl::StatusOr<CaptureSummary> summary = CaptureOpened(*target, redaction, options, pause, start);
    // What has called exec meanwhile is still the process that was asked for.
    const bool again = !summary.ok() && opening < kMaxOpenings && absl::IsAborted(target->CheckSameProgram());
    if (!again) return summary;
  }
}

struct DeferredCapture::Recording {
  std::unique_ptr<SnapshotWriter> writer;
  std::unique_ptr<SnapshotBuilder> builder;
  Secrets secrets;  // what was known to be secret
  WalkResult walk;
};

DeferredCapture::DeferredCapture(const CaptureSource& source,
                                 const Occasion& occasion,
                                 const RedactionRules& redaction,
                                 const CaptureOptions& options)
    : source_(source),
      occasion_(occasion),
      options_(options),
      pauser_(source.target, source.pause, MakeInput(redaction)) {}

DeferredCapture::~DeferredCapture() = default;

WalkInput DeferredCapture::MakeInput(const RedactionRules& redaction) {
  WalkInput input;
  input.runtime = &source_.runtime;
  input.options = {.no_locals = options_.no_locals,
                   .native = options_.native,
                   .max_objects = options_.max_objects,
                   .max_bytes = options_.max_bytes,
                   .max_depth = options_.max_depth,
                   .max_items = options_.max_items};
  input.occasion = &occasion_;
  input.redaction = &redaction;
  input.working_folder = source_.target.info().cwd;
  input.layouts = options_.layouts.get();
  if (options_.progress) {
    input.progress = [this](uint64_t objects) { options_.progress("looking for", objects); };
  }
  return input;
}

absl::Status DeferredCapture::Take() { return pauser_.TakeWalked(); }

absl::StatusOr<CaptureSummary> DeferredCapture::CallWrite(WriteSnapshot write) {
  // Unfinished, it is removed with what holds it: in the process that has made it.
  const auto write_and_clean = [&] {
    absl::StatusOr<CaptureSummary> summary = write();
    recording_.reset();
    return summary;
  };
  return source_.write ? source_.write(write_and_clean) : write_and_clean();
}

// Again and again until nothing is found to be secret that was not known to be when the recording began.
absl::Status DeferredCapture::Record(const std::string& path, bool attempt) {
  constexpr int kRounds = 4;
  if (options_.native) pauser_.native_stacks()->Decode();
  pauser_.structs().Resolve(source_.target, source_.runtime.py_runtime);
  WalkInput input = pauser_.input();
  if (attempt) input.abandoned = [this] { return pauser_.Missed(); };
  if (options_.progress) {
    input.progress = [this](uint64_t objects) { options_.progress("recording", objects); };
  }
  Secrets known = *input.secrets;
  for (int round = 1;; ++round) {
    // The one before leaves its file behind only when it is finished.
    recording_ = std::make_unique<Recording>();
    Secrets& secrets = recording_->secrets;
    secrets = known;
    proto::Header header = MakeHeader(source_.target.info(), source_.runtime, occasion_, source_.start);
    RedactArguments(*input.redaction, secrets.texts, *header.mutable_process());
    input.secrets = &secrets;
    ASSIGN_OR_RETURN(recording_->writer, SnapshotWriter::Create(path));
    recording_->builder = std::make_unique<SnapshotBuilder>(*recording_->writer, header);
    recording_->walk = RecordTarget(input, pauser_.pages(), *recording_->builder);
    const WalkResult& walk = recording_->walk;
    if (walk.abandoned || walk.secrets == known || round == kRounds) return absl::OkStatus();
    known = walk.secrets;
  }
}

absl::StatusOr<CaptureSummary> DeferredCapture::Finish(const std::string& path) {
  SnapshotBuilder& builder = *recording_->builder;
  const WalkResult& walk = recording_->walk;
  const absl::Status& failure = pauser_.pages().failure();
  const bool attached = occasion_.reason.kind() == proto::Reason::ATTACH;
  if (attached && walk.threads == 0 && walk.problems == 0 && !options_.native) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "process %d has no Python threads: its interpreter has not started yet, or has ended", source_.target.pid()));
  }
  if (!failure.ok()) builder.AddProblem("memory", failure.message());
  AddSources(source_.target, recording_->secrets.texts, builder);

  CaptureSummary summary;
  summary.path = path;
  summary.complete = !walk.limited && failure.ok();
  summary.pause_ns = pauser_.pause_ns();
  summary.total_ns = absl::ToInt64Nanoseconds(absl::Now() - source_.start);
  proto::Trailer trailer;
  trailer.set_complete(summary.complete);
  trailer.set_pause_ns(summary.pause_ns);
  trailer.set_total_ns(summary.total_ns);
  RETURN_IF_ERROR(builder.Finish(trailer));
  summary.threads = walk.threads;
  summary.objects = walk.objects;
  summary.problems = walk.problems;
  summary.has_exception = walk.has_exception;
  summary.file_bytes = recording_->writer->bytes_written();
  return summary;
}

bool DeferredCapture::MayLookAgain() const {
  return source_.may_look_again && recording_->walk.passing_problems > 0 && pauser_.pauses() < kMaxPauses;
}

absl::StatusOr<CaptureSummary> DeferredCapture::TryWrite(const std::string& path, bool attempt) {
  RETURN_IF_ERROR(Record(path, attempt));
  if (!(attempt && pauser_.Missed()) && !MayLookAgain()) return Finish(path);
  CaptureSummary summary;
  summary.in_vain = true;
  return summary;
}

absl::StatusOr<CaptureSummary> DeferredCapture::Write(const proto::Reason& reason, const std::string& path) {
  occasion_.reason = reason;
  return CallWrite([&] { return TryWrite(path, /*attempt=*/false); });
}

absl::StatusOr<CaptureSummary> Capture(const CaptureSource& source,
                                       const Occasion& occasion,
                                       const RedactionRules& redaction,
                                       const CaptureOptions& options,
                                       const std::string& path) {
  // What cannot be written need not be read.
  RETURN_IF_ERROR(SnapshotWriter::Create(path).status());
  DeferredCapture capture(source, occasion, redaction, options);
  std::chrono::milliseconds run = kFirstRun;
  for (bool attempt = source.rehearse;; attempt = false) {
    RETURN_IF_ERROR(attempt ? capture.pauser_.TakeRehearsed() : capture.Take());
    ASSIGN_OR_RETURN(const CaptureSummary summary, capture.CallWrite([&] { return capture.TryWrite(path, attempt); }));
    if (!summary.in_vain) return summary;
    if (attempt) continue;
    std::this_thread::sleep_for(run);
    run *= 2;
  }
}

}  // namespace pysnap
