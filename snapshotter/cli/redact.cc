// `pysnap redact`: takes more out of a snapshot.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/capture/snapshot_redactor.h"
#include "snapshotter/cli/command.h"
#include "snapshotter/cli/snapshot_file.h"

namespace pysnap::cli {
namespace {

struct Arguments {
  std::string path;
  std::string output;
  std::vector<std::string> patterns;
  bool quiet = false;
};

int Redact(const Arguments& arguments) {
  const absl::StatusOr<RedactionRules> rules = RedactionRules::Create(/*built_in=*/true, arguments.patterns);
  if (!rules.ok()) return Fail(kUsage, "--redact", rules.status().message());
  const std::string& output = arguments.output.empty() ? arguments.path : arguments.output;
  const absl::StatusOr<uint64_t> count = RedactSnapshot(arguments.path, output, *rules);
  if (absl::IsUnavailable(count.status())) return Fail(kCannotWrite, "redact", count.status().message());
  if (!count.ok()) return FailToLoad(arguments.path, count.status());
  if (!arguments.quiet) {
    absl::FPrintF(stderr, "pysnap: wrote %s: %d more value%s redacted\n", output, *count, *count == 1 ? "" : "s");
  }
  return kOk;
}

}  // namespace

void AddRedactCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("redact", "Take secrets out of a snapshot");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILE", arguments->path, "The snapshot")->required();
  command->add_option("-o,--output", arguments->output, "File to write, instead of FILE itself")->type_name("PATH");
  command
      ->add_option("--redact", arguments->patterns,
                   "Take out what has such a name, and strings that match (repeatable)")
      ->type_name("REGEX")
      ->allow_extra_args(false);
  command->add_flag("--quiet", arguments->quiet, "Print nothing but errors");
  command->callback([arguments, &exit_code] { exit_code = Redact(*arguments); });
}

}  // namespace pysnap::cli
