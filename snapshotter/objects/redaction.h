// Which names and texts look secret.
//
//   ASSIGN_OR_RETURN(RedactionRules rules, RedactionRules::Create(/*built_in=*/true, {"^acme_"}));
//   rules.SecretName("DB_PASSWORD");  // true
#ifndef PYSNAP_OBJECTS_REDACTION_H_
#define PYSNAP_OBJECTS_REDACTION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace re2 {
class RE2;
}

namespace pysnap {

// Immutable; safe to share. By default nothing is secret.
class RedactionRules {
 public:
  RedactionRules();
  RedactionRules(RedactionRules&&) noexcept;
  RedactionRules& operator=(RedactionRules&&) noexcept;
  ~RedactionRules();

  // `built_in`: the list of words in redaction.cc, matched as whole words of a name written in snake, camel, kebab or
  // upper case. `patterns`: regular expressions (RE2), found anywhere in a name or a text, case as written.
  // InvalidArgument names the pattern that is none.
  static absl::StatusOr<RedactionRules> Create(bool built_in, absl::Span<const std::string> patterns);

  // Whether a value under this name (local, attribute, key, keyword, header) is secret whatever it is.
  bool SecretName(absl::string_view name) const;
  // Whether this text is secret under any name.
  bool SecretText(absl::string_view text) const;

  bool checks_names() const { return built_in_ || !patterns_.empty(); }
  bool checks_texts() const { return !patterns_.empty(); }

 private:
  bool built_in_ = false;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_REDACTION_H_
