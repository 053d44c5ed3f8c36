#include "snapshotter/capture/redacted_arguments.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace pysnap {

void RedactArguments(const RedactionRules& rules, SecretContents& secrets, proto::Process& process) {
  constexpr char kRedacted[] = "<redacted>";
  bool follows_secret_option = false;
  for (std::string& argument : *process.mutable_argv()) {
    const std::vector<absl::string_view> told = rules.SecretsTold(argument);
    const bool is_option = absl::StartsWith(argument, "-");
    const bool is_value = follows_secret_option && !is_option;
    follows_secret_option = is_option && absl::StartsWith(argument, "--") && !absl::StrContains(argument, '=') &&
                            rules.SecretName(argument);
    for (const absl::string_view secret : told) secrets.Add(secret);
    if (is_value) secrets.Add(argument);
    if (is_value || !told.empty() || rules.Matches(argument) || secrets.Within(argument)) argument = kRedacted;
  }
}

}  // namespace pysnap
