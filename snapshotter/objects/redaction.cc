#include "snapshotter/objects/redaction.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

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

// ---- secrets that a text tells beside their names

// A name before `=` or `:` is taken apart no further than this.
constexpr size_t kMaxName = 64;

bool IsNameChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

// The password, if what follows `://` at `at` is a user, a colon, a password, and `@`; empty when not.
absl::string_view PasswordOfUrl(absl::string_view text, size_t at) {
  constexpr size_t kMaxUserInfo = 1024;
  const absl::string_view rest = text.substr(at, kMaxUserInfo);
  const size_t end = std::min(rest.find_first_of("/?# \t\r\n\"'<>"), rest.size());
  const absl::string_view authority = rest.substr(0, end);
  const size_t host = authority.rfind('@');
  const size_t colon = authority.find(':');
  if (host == absl::string_view::npos || colon >= host) return {};
  return authority.substr(colon + 1, host - colon - 1);
}

absl::string_view UpTo(absl::string_view text, size_t begin, const char* ends) {
  return text.substr(begin, std::min(text.find_first_of(ends, begin), text.size()) - begin);
}

// The name that ends before `end`, and where it begins; a quote around it is left out and noted.
struct NameBefore {
  absl::string_view name;
  size_t begin = 0;
  bool quoted = false;
};
NameBefore FindName(absl::string_view text, size_t end) {
  NameBefore found;
  size_t quote = end;
  while (quote > 0 && text[quote - 1] == ' ') --quote;
  if (quote > 0 && (text[quote - 1] == '"' || text[quote - 1] == '\'')) end = quote;
  found.quoted = end > 0 && (text[end - 1] == '"' || text[end - 1] == '\'');
  if (found.quoted) --end;
  size_t begin = end;
  while (begin > 0 && end - begin < kMaxName && IsNameChar(text[begin - 1])) --begin;
  found.name = text.substr(begin, end - begin);
  found.begin = begin;
  return found;
}

// The value of `name=value` where no code of a language stands: at the beginning of a text or of a line, in a query or
// a form, as an option, in a list of such pairs.
//
// `is_code`: whether the text has parentheses or several lines; found out once for each text.
absl::string_view AssignedValue(absl::string_view text,
                                const NameBefore& found,
                                size_t equals,
                                std::optional<bool>& is_code) {
  if (found.quoted) return {};
  const absl::string_view value = UpTo(text, equals + 1, " \t\r\n&;,)=\"'");
  if (found.begin == 0 || found.name[0] == '-') return value;
  const char before = text[found.begin - 1];
  if (before == '\n' || before == '?' || before == '&' || before == ';') return value;
  if (before != ' ') return {};
  if (!is_code.has_value()) is_code = text.find_first_of("(\n") != absl::string_view::npos;
  return *is_code ? absl::string_view() : value;
}

// Of `"name": "value"` of JSON.
absl::string_view MemberValue(absl::string_view text, const NameBefore& found, size_t colon) {
  const size_t value = text.find_first_not_of(" \t\r\n", colon + 1);
  if (!found.quoted || value == absl::string_view::npos) return {};
  if (absl::ascii_isdigit(static_cast<unsigned char>(text[value]))) return UpTo(text, value, ",} \t\r\n");
  if (text[value] != '"' && text[value] != '\'') return {};
  return UpTo(text, value + 1, text[value] == '"' ? "\"" : "'");
}

// Of `Authorization: value` at the beginning of a line; of `Bearer value` what comes last.
absl::string_view HeaderValue(absl::string_view text, const NameBefore& found, size_t colon) {
  constexpr const char* kHeaders[] = {"authorization", "proxy-authorization", "cookie", "set-cookie"};
  if (found.quoted || (found.begin > 0 && text[found.begin - 1] != '\n')) return {};
  if (std::none_of(std::begin(kHeaders), std::end(kHeaders),
                   [&](const char* header) { return absl::EqualsIgnoreCase(found.name, header); })) {
    return {};
  }
  const absl::string_view value = absl::StripAsciiWhitespace(UpTo(text, colon + 1, "\r\n"));
  const size_t space = value.rfind(' ');
  return space == absl::string_view::npos ? value : value.substr(space + 1);
}

constexpr size_t kMinSecret = 3;
constexpr size_t kMaxSecret = size_t{64} << 10;
constexpr size_t kMaxSecrets = 1000;
// Within other texts no shorter ones are looked for, and of longer ones the beginning.
constexpr size_t kMinWithin = 6;
constexpr size_t kMaxWithin = 512;
bool IsLookedForWithin(absl::string_view text) {
  if (absl::StartsWith(text, "/")) return false;  // the path of a file of secrets, and not one
  return text.size() >= kMinWithin && !IsBareWord(text);
}

re2::StringPiece Piece(absl::string_view text) { return re2::StringPiece(text.data(), text.size()); }

}  // namespace

bool IsBareWord(absl::string_view text) {
  bool in_word = false;
  for (const char c : text) {
    const bool dot = c == '.' && in_word;
    if (!dot && c != '_' && !absl::ascii_isalpha(static_cast<unsigned char>(c))) return false;
    in_word = !dot;
  }
  return in_word;
}

bool IsNameOrType(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || absl::StrContains("_ .,[]|()'\"", c);
  });
}

bool NamesNoSecrets(absl::string_view name) {
  constexpr absl::string_view kNames[] = {
      "__annotations__", "__annotations_cache__", "__slots__", "__match_args__", "__all__", "_fields"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

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
  if (Matches(name)) return true;
  if (name == "PWD") return false;  // the working directory, as the environment has it
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

bool RedactionRules::Matches(absl::string_view text) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const auto& pattern) { return re2::RE2::PartialMatch(Piece(text), *pattern); });
}

std::vector<absl::string_view> RedactionRules::SecretsTold(absl::string_view text) const {
  std::vector<absl::string_view> secrets;
  if (!built_in_) return secrets;
  std::optional<bool> is_code;
  for (size_t at = text.find_first_of("=:"); at != absl::string_view::npos; at = text.find_first_of("=:", at + 1)) {
    if (text[at] == ':' && absl::StartsWith(text.substr(at), "://")) {
      const absl::string_view password = PasswordOfUrl(text, at + 3);
      if (!password.empty()) secrets.push_back(password);
      continue;
    }
    const NameBefore found = FindName(text, at);
    if (found.name.empty()) continue;
    absl::string_view value = text[at] == '=' ? AssignedValue(text, found, at, is_code) : MemberValue(text, found, at);
    if (value.empty() && text[at] == ':') value = HeaderValue(text, found, at);
    if (!value.empty() && SecretName(found.name)) secrets.push_back(value);
  }
  return secrets;
}

SecretContents::SecretContents() = default;
SecretContents::SecretContents(const SecretContents& other) : texts_(other.texts_), longest_(other.longest_) {}
SecretContents& SecretContents::operator=(const SecretContents& other) {
  texts_ = other.texts_;
  longest_ = other.longest_;
  matcher_is_made_ = false;
  return *this;
}
SecretContents::SecretContents(SecretContents&&) noexcept = default;
SecretContents& SecretContents::operator=(SecretContents&&) noexcept = default;
SecretContents::~SecretContents() = default;

void SecretContents::Add(absl::string_view text) {
  if (text.size() < kMinSecret || text.size() > kMaxSecret || texts_.size() >= kMaxSecrets) return;
  if (texts_.emplace(text).second) matcher_is_made_ = false;
  longest_ = std::max(longest_, text.size());
}

const re2::RE2* SecretContents::matcher() const {
  if (!matcher_is_made_) {
    std::vector<std::string> alternatives;
    for (const std::string& text : texts_) {
      if (IsLookedForWithin(text)) alternatives.push_back(re2::RE2::QuoteMeta(text.substr(0, kMaxWithin)));
    }
    // The same for each run, and the longer one where one begins like another.
    std::sort(alternatives.begin(), alternatives.end(), std::greater<>());
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    options.set_max_mem(int64_t{256} << 20);  // far more than kMaxSecrets of kMaxWithin take
    matcher_ = alternatives.empty() ? nullptr
                                    : std::make_unique<re2::RE2>("(" + absl::StrJoin(alternatives, "|") + ")", options);
    matcher_is_made_ = true;
  }
  return matcher_.get();
}

bool SecretContents::Within(absl::string_view text) const {
  if (texts_.empty()) return false;
  // As UTF-16 and UTF-32 have what is ASCII.
  if (absl::StrContains(text, '\0')) {
    std::string narrow(text);
    std::erase(narrow, '\0');
    if (Within(narrow)) return true;
  }
  if (text.size() <= longest_ && texts_.contains(text)) return true;
  if (text.size() < kMinWithin) return false;
  const re2::RE2* secrets = matcher();
  return secrets != nullptr && re2::RE2::PartialMatch(Piece(text), *secrets);
}

size_t SecretContents::Mask(std::string& text) const {
  const re2::RE2* secrets = texts_.empty() ? nullptr : matcher();
  if (secrets == nullptr) return 0;
  size_t count = 0;
  re2::StringPiece rest(text);
  re2::StringPiece found;
  while (re2::RE2::FindAndConsume(&rest, *secrets, &found)) {
    std::fill_n(text.begin() + (found.data() - text.data()), found.size(), '*');
    ++count;
  }
  return count;
}

}  // namespace pysnap
