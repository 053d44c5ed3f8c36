// `pysnap show`: prints a snapshot as Python would print it, or as JSON.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "snapshotter/cli/command.h"
#include "snapshotter/cli/snapshot_file.h"
#include "snapshotter/format/json_view.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"
#include "snapshotter/format/text_view.h"

namespace pysnap::cli {
namespace {

struct Options {
  std::string file;
  bool json = false;
  bool no_locals = false;
  bool tasks = false;
  bool greenlets = false;
  std::string thread;
  size_t max_repr = 1000;
  std::string color = "auto";
};

bool UseColor(const std::string& option) {
  if (option != "auto") return option == "always";
  const char* no_color = getenv("NO_COLOR");
  const char* term = getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && term != nullptr && strcmp(term, "dumb") != 0 &&
         isatty(STDOUT_FILENO);
}

void Print(std::string_view text) { fwrite(text.data(), 1, text.size(), stdout); }

int Show(const Options& options) {
  const auto snapshot = format::LoadedSnapshot::Load(options.file);
  if (!snapshot.ok()) return FailToLoad(options.file, snapshot.status());
  const format::ShowOptions show{.thread = options.thread,
                                 .tasks = options.tasks,
                                 .greenlets = options.greenlets,
                                 .locals = !options.no_locals,
                                 .max_repr = options.max_repr,
                                 .color = !options.json && UseColor(options.color)};
  if (!options.thread.empty() && format::SelectThreads(**snapshot, show).empty()) {
    return Fail(kError, options.file, "no thread has the id or name " + options.thread);
  }
  if (options.json) {
    Print(format::JsonView(**snapshot, show).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    Print("\n");
  } else {
    format::WriteTextView(**snapshot, show, Print);
  }
  if (fflush(stdout) != 0 || ferror(stdout) != 0) return Fail(kCannotWrite, "stdout", strerror(errno));
  if (!(*snapshot)->damage().empty()) return Fail(kBadSnapshot, options.file, (*snapshot)->damage());
  return kOk;
}

}  // namespace

void AddShowCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("show", "Print a snapshot as Python would: stacks, locals, exception");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "The snapshot")->required();
  command->add_flag("--json", options->json, "Print JSON instead of text");
  command->add_flag("--tasks", options->tasks,
                    "Print the tree of the tasks of asyncio and trio instead of the threads");
  command->add_flag("--greenlets", options->greenlets, "Print the greenlets of all threads instead of the threads");
  command->add_option("--thread", options->thread, "Only this thread")->type_name("ID|NAME");
  command->add_flag("--no-locals", options->no_locals, "Leave out the values of variables");
  command->add_option("--max-repr", options->max_repr, "Characters shown of a value; 0: no limit")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--color", options->color, "When to use colors")
      ->type_name("auto|always|never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = Show(*options); });
}

}  // namespace pysnap::cli
