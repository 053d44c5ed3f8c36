#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/cli/capture_arguments.h"
#include "snapshotter/cli/command.h"
#include "snapshotter/cli/plugins.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/supervise/breakpoints.h"
#include "snapshotter/supervise/debug_registers.h"
#include "snapshotter/supervise/launch.h"
#include "snapshotter/supervise/supervisor.h"

namespace pysnap::cli {
namespace {

struct OnCrashArguments {
  SuperviseOptions options;
  double timeout = 0;
  std::string signal;
  std::vector<std::string> command;
};

// A signal by number or name, with or without SIG; 0 when there is none of that name.
int SignalByName(const std::string& text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) return number > 0 && number < NSIG ? number : 0;
  std::string name = absl::AsciiStrToUpper(text);
  if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* known = sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  return 0;
}

// Returns only when the command could not be started.
int OnCrash(OnCrashArguments arguments) {
  SuperviseOptions& options = arguments.options;
  if (arguments.timeout > 0) {
    options.timeout = std::chrono::milliseconds(static_cast<int64_t>(arguments.timeout * 1000));
  }
  if (!arguments.signal.empty()) {
    options.request_signal = SignalByName(arguments.signal);
    if (options.request_signal == 0 || options.request_signal == SIGKILL || options.request_signal == SIGSTOP) {
      return Fail(kUsage, "usage", absl::StrCat("--on-signal ", arguments.signal, ": no signal that can be caught"));
    }
  }
  absl::StatusOr<RedactionRules> redaction = RedactionRules::Create(!options.capture.no_redact, options.capture.redact);
  if (!redaction.ok()) return Fail(ExitCodeOf(redaction.status()), "on-crash", redaction.status().message());

  auto layouts = LoadLayouts(options.capture.plugins);
  if (!layouts.ok()) return Fail(ExitCodeOf(layouts.status()), "--plugin", layouts.status().message());
  options.capture.layouts = *std::move(layouts);

  options.breakpoints = UsableBreakpoints();
  const bool guarded = options.breakpoints == BreakpointKind::kDebugRegisters;
  std::unique_ptr<Supervisor> supervisor;
  const absl::Status watched = WatchMe(
      [&](pid_t pid) {
        // A file that grows too large for RLIMIT_FSIZE is an error like any other.
        std::signal(SIGXFSZ, SIG_IGN);
        supervisor = std::make_unique<Supervisor>(pid, options, *std::move(redaction));
        return supervisor->Seize();
      },
      [&] { supervisor->Run(); }, guarded ? ClearDebugRegisters : std::function<void(pid_t)>());
  if (!watched.ok()) return Fail(ExitCodeOf(watched), "on-crash", watched.message());

  std::vector<char*> argv;
  for (std::string& argument : arguments.command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  const bool missing = errno == ENOENT || errno == ENOTDIR;
  const bool refused = errno == EACCES || errno == EPERM;
  return Fail(missing ? kNoSuchTarget : refused ? kPermission : kError, arguments.command[0], std::strerror(errno));
}

}  // namespace

void AddOnCrashCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("on-crash", "Run a command; snapshot it when it crashes");
  const auto arguments = std::make_shared<OnCrashArguments>();
  SuperviseOptions& options = arguments->options;
  AddCaptureArguments(*command, options.capture, options.quiet);
  command->add_option("--timeout", arguments->timeout, "Also snapshot after so many seconds, and go on")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  command->add_option("--on-signal", arguments->signal, "Also snapshot at this signal, which the program does not see")
      ->type_name("SIG");
  command->add_flag("--follow-forks", options.follow_forks, "Watch the processes that it starts, too");
  command->add_flag("--all-exits", options.all_exits, "Take any exit code but 0 for a crash");
  command->add_flag("--verbose", options.verbose, "Say how crashes are found out");
  command->add_option("CMD", arguments->command, "The command and its arguments, after --")->required();
  command->positionals_at_end();
  command->callback([arguments, &exit_code] { exit_code = OnCrash(*arguments); });
}

}  // namespace pysnap::cli
