#include "snapshotter/objects/redaction.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pysnap {
namespace {

// Secret wherever they stand in a name, even within a word: dbpassword.
constexpr const char* kParts[] = {"password", "passwd", "passphrase", "apikey", "credential", "authorization"};

// Secret as a word of a name; a plural counts too.
constexpr const char* kWords[] = {"pwd", "token", "secret", "cookie", "jwt", "csrf", "xsrf", "sessionid", "authtoken"};

// Secret as two words in a row.
constexpr std::pair<const char*, const char*> kPairs[] = {
    {"api", "key"},        {"private", "key"}, {"access", "key"},  {"signing", "key"},
    {"encryption", "key"}, {"auth", "header"}, {"auth", "key"},    {"session", "id"},
    {"session", "key"},    {"pass", "word"},   {"pass", "phrase"},
};

// Names longer than this are not taken apart further.
constexpr size_t kMaxWords = 32;

enum class CharKind { kOther, kLower, kUpper };

CharKind KindOf(char c) {
  if (absl::ascii_islower(static_cast<unsigned char>(c))) return CharKind::kLower;
  if (absl::ascii_isupper(static_cast<unsigned char>(c))) return CharKind::kUpper;
  return CharKind::kOther;
}

// Where a word of camel case begins: fooBar, and the last capital of HTTPServer.
bool StartsWord(absl::string_view name, size_t i) {
  if (KindOf(name[i]) != CharKind::kUpper) return false;
  if (i == 0 || KindOf(name[i - 1]) != CharKind::kUpper) return true;
  return i + 1 < name.size() && KindOf(name[i + 1]) == CharKind::kLower;
}

bool IsWord(absl::string_view word, absl::string_view secret) {
  return word == secret || (word.size() == secret.size() + 1 && word.back() == 's' && absl::StartsWith(word, secret));
}

re2::StringPiece Piece(absl::string_view text) { return re2::StringPiece(text.data(), text.size()); }

}  // namespace

RedactionRules::RedactionRules() = default;
RedactionRules::RedactionRules(RedactionRules&&) noexcept = default;
RedactionRules& RedactionRules::operator=(RedactionRules&&) noexcept = default;
RedactionRules::~RedactionRules() = default;

absl::StatusOr<RedactionRules> RedactionRules::Create(bool built_in, absl::Span<const std::string> patterns) {
  RedactionRules rules;
  rules.built_in_ = built_in;
  for (const std::string& pattern : patterns) {
    auto re = std::make_unique<re2::RE2>(pattern, re2::RE2::Quiet);
    if (!re->ok()) {
      return absl::InvalidArgumentError(absl::StrCat("'", pattern, "' is not a regular expression: ", re->error()));
    }
    rules.patterns_.push_back(std::move(re));
  }
  return rules;
}

bool RedactionRules::SecretName(absl::string_view name) const {
  if (name.empty()) return false;
  if (SecretText(name)) return true;
  if (!built_in_) return false;

  std::string lower;
  std::array<absl::string_view, kMaxWords> words;
  size_t count = 0;
  lower.resize(name.size());
  size_t start = 0;  // of the word that is being read
  const auto end_word = [&](size_t end) {
    if (end > start && count < kMaxWords) words[count++] = absl::string_view(lower).substr(start, end - start);
    start = end;
  };
  for (size_t i = 0; i < name.size(); ++i) {
    lower[i] = absl::ascii_tolower(static_cast<unsigned char>(name[i]));
    if (KindOf(name[i]) == CharKind::kOther) {
      end_word(i);
      start = i + 1;
    } else if (StartsWord(name, i)) {
      end_word(i);
    }
  }
  end_word(name.size());

  for (const char* part : kParts) {
    if (absl::StrContains(lower, part)) return true;
  }
  for (size_t i = 0; i < count; ++i) {
    for (const char* word : kWords) {
      if (IsWord(words[i], word)) return true;
    }
    for (const auto& [first, second] : kPairs) {
      if (i + 1 < count && words[i] == first && IsWord(words[i + 1], second)) return true;
    }
  }
  return false;
}

bool RedactionRules::SecretText(absl::string_view text) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const auto& pattern) { return re2::RE2::PartialMatch(Piece(text), *pattern); });
}

}  // namespace pysnap
