// Which names and texts look secret.
//
//   ASSIGN_OR_RETURN(RedactionRules rules, RedactionRules::Create(/*built_in=*/true, {"^acme_"}));
//   rules.SecretName("DB_PASSWORD");  // true
#ifndef PYSNAP_OBJECTS_REDACTION_H_
#define PYSNAP_OBJECTS_REDACTION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"

namespace re2 {
class RE2;
}

namespace pysnap {

// Letters alone (and `_`), or such words with single dots between: as likely the name of something that stands
// everywhere as a secret, like `session` and `http.cookies`.
bool IsBareWord(absl::string_view text);
// The same with the punctuation of an annotation; one that has brackets is no secret by any name: `Optional[str]`.
bool IsNameOrType(absl::string_view text);
inline bool IsType(absl::string_view text) { return text.find('[') != absl::string_view::npos && IsNameOrType(text); }
// Whether what is under this name in a class or a module says what it has, and holds no secrets under those names:
// `__annotations__`, `__slots__`, `_fields`.
bool NamesNoSecrets(absl::string_view name);

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
  // Whether a pattern is found in this text.
  bool Matches(absl::string_view text) const;
  // With the built-in rules, the secrets that a text tells beside their names, pieces of it: in a URL with a password,
  // `DB_PASSWORD=…`, `--token=…`, `?token=…`, `"password": "…"`, `Authorization: …`.
  std::vector<absl::string_view> SecretsTold(absl::string_view text) const;

  bool checks_names() const { return built_in_ || !patterns_.empty(); }
  bool checks_texts() const { return checks_names(); }

 private:
  bool built_in_ = false;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

// What secret texts are found to be, by which they are known wherever they stand: within other texts, in sources.
// Not thread-safe.
class SecretContents {
 public:
  SecretContents();
  SecretContents(const SecretContents& other);
  SecretContents& operator=(const SecretContents& other);
  SecretContents(SecretContents&&) noexcept;
  SecretContents& operator=(SecretContents&&) noexcept;
  ~SecretContents();

  // Too short a text is none, and one that is too long is known only as the object that it is.
  void Add(absl::string_view text);
  // Whether the text is one of them, or has one inside that is long enough, be it with zeros between the characters.
  bool Within(absl::string_view text) const;
  // Writes `*` for each byte of those that are inside. Returns how many there were.
  size_t Mask(std::string& text) const;
  bool operator==(const SecretContents& other) const { return texts_ == other.texts_; }

 private:
  const re2::RE2* matcher() const;

  absl::flat_hash_set<std::string> texts_;
  size_t longest_ = 0;
  // Of the longer ones; made when it is asked for.
  mutable std::unique_ptr<re2::RE2> matcher_;
  mutable bool matcher_is_made_ = false;
};

// What a run over the target's objects finds to be secret, for the next one.
struct Secrets {
  absl::flat_hash_set<Address> objects;
  SecretContents texts;
  bool operator==(const Secrets&) const = default;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_REDACTION_H_
