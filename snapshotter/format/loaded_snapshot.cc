#include "snapshotter/format/loaded_snapshot.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

constexpr uint32_t kFormat = 1;
// More objects or strings than this are refused: their index alone would take gigabytes.
constexpr size_t kMaxItems = size_t{1} << 28;
constexpr uint32_t kItemField = 1;  // of StringTable and of ObjectBatch

// PEP 263: the encoding that the first or second line declares; empty when there is none.
std::string DeclaredEncoding(std::string_view content) {
  for (int line = 0; line < 2 && !content.empty(); ++line) {
    const std::string_view text = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(content.size(), text.size() + 1));
    const size_t comment = text.find_first_not_of(" \t\f");
    if (comment == std::string_view::npos) continue;
    if (text[comment] != '#') return "";
    for (size_t at = text.find("coding"); at != std::string_view::npos; at = text.find("coding", at + 1)) {
      size_t i = at + 6;
      if (i >= text.size() || (text[i] != ':' && text[i] != '=')) continue;
      for (++i; i < text.size() && (text[i] == ' ' || text[i] == '\t'); ++i) {
      }
      std::string name;
      for (; i < text.size() && (isalnum(static_cast<unsigned char>(text[i])) || strchr("-_.", text[i])); ++i) {
        name.push_back(text[i] == '_' ? '-' : static_cast<char>(tolower(static_cast<unsigned char>(text[i]))));
      }
      if (!name.empty()) return name;
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadedSnapshot>> LoadedSnapshot::Load(const std::string& path) {
  std::string error;
  int number = 0;
  std::optional<std::string> file = ReadWholeFile(path, &error, &number);
  if (!file.has_value()) {
    if (number == ENOENT || number == ENOTDIR) return absl::NotFoundError(error);
    if (number == EACCES || number == EPERM) return absl::PermissionDeniedError(error);
    return absl::UnknownError(error);
  }
  return Parse(*std::move(file));
}

absl::StatusOr<std::unique_ptr<LoadedSnapshot>> LoadedSnapshot::Parse(std::string file) {
  std::unique_ptr<LoadedSnapshot> snapshot(new LoadedSnapshot(std::move(file)));
  RETURN_IF_ERROR(snapshot->ReadAll());
  return snapshot;
}

absl::Status LoadedSnapshot::ReadAll() {
  bool has_header = false;
  bool known_format = true;
  const StreamEnd end = ReadRecords(file_, buffers_, [&](uint32_t kind, std::string_view payload) {
    if (!has_header) {
      has_header = kind == kHeaderRecord && header_.ParseFromArray(payload.data(), static_cast<int>(payload.size())) &&
                   header_.format() != 0;
      known_format = header_.format() == kFormat;
      return has_header && known_format;
    }
    return Visit(kind, payload);
  });
  if (!has_header) return absl::DataLossError("not a pysnap snapshot");
  if (!known_format) {
    return absl::DataLossError(absl::StrCat("a snapshot of format ", header_.format(), ", made by pysnap ",
                                            header_.pysnap_version(), "; this version reads format ", kFormat));
  }
  if (damage_.empty()) damage_ = end.damage;
  if (damage_.empty() && (end.cut || !has_trailer_)) damage_ = "it was cut off: its end is missing";
  std::stable_sort(threads_.begin(), threads_.end(), [](const proto::Thread* a, const proto::Thread* b) {
    return std::make_tuple(!a->is_main(), a->native_id(), a->interpreter()) <
           std::make_tuple(!b->is_main(), b->native_id(), b->interpreter());
  });
  return absl::OkStatus();
}

template <typename Message>
Message* LoadedSnapshot::ParseMessage(std::string_view payload) {
  Message* message = google::protobuf::Arena::CreateMessage<Message>(&arena_);
  if (message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return message;
  damage_ = "a record cannot be parsed";
  return nullptr;
}

bool LoadedSnapshot::Index(std::string_view payload, std::vector<std::string_view>* out) {
  try {
    protozero::pbf_reader reader(payload.data(), payload.size());
    while (reader.next()) {
      if (reader.tag() != kItemField || reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
        reader.skip();
        continue;
      }
      const protozero::data_view item = reader.get_view();
      if (out->size() >= kMaxItems) {
        damage_ = "it claims more objects than can be read";
        return false;
      }
      out->emplace_back(item.data(), item.size());
    }
  } catch (const protozero::exception&) {
    damage_ = "a record cannot be parsed";
    return false;
  }
  return true;
}

bool LoadedSnapshot::Visit(uint32_t kind, std::string_view payload) {
  if (kind == kHeaderRecord || has_trailer_) {
    damage_ = "records follow where it should end";
    return false;
  }
  switch (kind) {
    case kStringsRecord:
      return Index(payload, &strings_);
    case kObjectsRecord:
      return Index(payload, &objects_);
    case kThreadRecord:
      if (const auto* thread = ParseMessage<proto::Thread>(payload)) threads_.push_back(thread);
      break;
    case kGreenletRecord:
      if (const auto* greenlet = ParseMessage<proto::Greenlet>(payload)) greenlets_.push_back(greenlet);
      break;
    case kTaskRecord:
      if (const auto* task = ParseMessage<proto::Task>(payload)) tasks_.push_back(task);
      break;
    case kProcessStateRecord:
      if (const auto* state = ParseMessage<proto::ProcessState>(payload)) process_state_ = state;
      break;
    case kExceptionRecord:
      if (const auto* exception = ParseMessage<proto::CrashException>(payload)) exception_ = exception;
      break;
    case kProblemRecord:
      if (const auto* problem = ParseMessage<proto::Problem>(payload)) problems_.push_back(problem);
      break;
    case kSourceRecord:
      if (const auto* file = ParseMessage<proto::SourceFile>(payload)) {
        Source source;
        source.content = file->content();
        if (absl::StartsWith(file->content(), "\xef\xbb\xbf")) source.content.remove_prefix(3);
        const std::string encoding = DeclaredEncoding(source.content);
        source.latin1 = encoding == "latin-1" || encoding == "iso-8859-1" || encoding == "iso-latin-1";
        source.readable = source.latin1 || encoding.empty() || encoding == "utf-8" || encoding == "utf8" ||
                          encoding == "ascii" || encoding == "us-ascii" || absl::StartsWith(encoding, "utf-8-");
        sources_.insert_or_assign(file->filename(), std::move(source));
      }
      break;
    case kTrailerRecord:
      has_trailer_ = trailer_.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
      if (!has_trailer_) damage_ = "its trailer cannot be parsed";
      break;
    default:  // of a later version
      break;
  }
  return damage_.empty();
}

const proto::Object* LoadedSnapshot::object(uint32_t id) const {
  if (id == 0 || id > objects_.size()) return nullptr;
  auto [it, is_new] = parsed_.try_emplace(id, nullptr);
  if (!is_new) return it->second;
  auto* object = google::protobuf::Arena::CreateMessage<proto::Object>(&arena_);
  const std::string_view bytes = objects_[id - 1];
  if (!object->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    object->Clear();
    object->mutable_absent()->set_reason(proto::Absent::INCONSISTENT);
    object->mutable_absent()->set_detail("its record in the snapshot is damaged");
  }
  it->second = object;
  return object;
}

std::string_view LoadedSnapshot::string(uint32_t id) const {
  if (id == 0 || id > strings_.size()) return {};
  return strings_[id - 1];
}

std::optional<std::string> LoadedSnapshot::SourceLine(std::string_view filename, uint32_t line) const {
  const auto it = sources_.find(std::string(filename));
  if (it == sources_.end() || !it->second.readable || line == 0) return std::nullopt;
  Source& source = it->second;
  if (source.line_starts.empty()) {
    // Python's lines end with \n, \r\n or \r.
    source.line_starts.push_back(0);
    for (size_t i = 0; i < source.content.size(); ++i) {
      const char c = source.content[i];
      if (c == '\n' || (c == '\r' && (i + 1 == source.content.size() || source.content[i + 1] != '\n'))) {
        source.line_starts.push_back(i + 1);
      }
    }
    source.line_starts.push_back(source.content.size() + 1);
  }
  if (line >= source.line_starts.size()) return std::nullopt;
  const size_t begin = source.line_starts[line - 1];
  size_t end = std::min(source.line_starts[line], source.content.size());
  if (begin >= end) return std::nullopt;  // beyond the end
  while (end > begin && (source.content[end - 1] == '\n' || source.content[end - 1] == '\r')) --end;
  const std::string_view text = source.content.substr(begin, end - begin);
  return source.latin1 ? Latin1ToUtf8(text) : std::string(text);
}

}  // namespace pysnap::format
