#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/capture/capturer.h"
#include "snapshotter/cli/capture_arguments.h"
#include "snapshotter/cli/command.h"
#include "snapshotter/cli/plugins.h"
#include "snapshotter/cli/progress_line.h"

namespace pysnap::cli {
namespace {

struct AttachArguments {
  CaptureOptions capture;
  PauseMode pause = PauseMode::kStop;
  bool quiet = false;
  pid_t pid = 0;
};

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 10'000) return absl::StrCat(bytes, " bytes");
  if (bytes < 10'000'000) return absl::StrFormat("%.0f kB", static_cast<double>(bytes) / 1e3);
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
}

std::string Plural(uint64_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

int Attach(AttachArguments arguments) {
  // A file that grows too large for RLIMIT_FSIZE is an error like any other.
  std::signal(SIGXFSZ, SIG_IGN);
  auto layouts = LoadLayouts(arguments.capture.plugins);
  if (!layouts.ok()) return Fail(ExitCodeOf(layouts.status()), "--plugin", layouts.status().message());
  arguments.capture.layouts = *std::move(layouts);
  std::optional<ProgressLine> progress;
  progress.emplace(!arguments.quiet);
  arguments.capture.progress = [&progress](const char* what, uint64_t objects) { progress->Show(what, objects); };
  const absl::StatusOr<CaptureSummary> summary = CaptureLive(arguments.pid, arguments.capture, arguments.pause);
  progress.reset();
  if (!summary.ok()) {
    return Fail(ExitCodeOf(summary.status()), absl::StrCat("attach ", arguments.pid), summary.status().message());
  }
  if (!arguments.quiet) {
    std::string line =
        absl::StrFormat("pysnap: wrote %s (%s): %s, %s, paused %.2f ms", summary->path, HumanBytes(summary->file_bytes),
                        Plural(summary->threads, "thread"), Plural(summary->objects, "object"),
                        static_cast<double>(summary->pause_ns) / 1e6);
    if (summary->problems != 0) absl::StrAppend(&line, ", ", Plural(summary->problems, "problem"));
    if (!summary->complete) absl::StrAppend(&line, ", cut by a limit");
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  return kOk;
}

}  // namespace

void AddAttachCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("attach", "Snapshot a live process; it goes on running");
  const auto arguments = std::make_shared<AttachArguments>();
  AddCaptureArguments(*command, arguments->capture, arguments->quiet);
  const std::map<std::string, PauseMode> modes = {
      {"stop", PauseMode::kStop}, {"fork", PauseMode::kFork}, {"none", PauseMode::kNone}};
  command
      ->add_option("--pause", arguments->pause,
                   "stop every thread while reading (default), read a copy-on-write copy, or do not stop")
      ->type_name("stop|fork|none")
      ->transform(CLI::CheckedTransformer(modes).description(""));
  command->add_option("PID", arguments->pid, "Process to snapshot")->required()->check(CLI::PositiveNumber);
  command->callback([arguments, &exit_code] { exit_code = Attach(*arguments); });
}

}  // namespace pysnap::cli
