#include "snapshotter/capture/snapshot_redactor.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/capture/redacted_arguments.h"
#include "snapshotter/capture/references.h"
#include "snapshotter/capture/snapshot_builder.h"
#include "snapshotter/capture/sources.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/record_stream.h"
#include "snapshotter/format/snapshot_writer.h"

namespace pysnap {
namespace {

using proto::Object;

constexpr char kSecretName[] = "its name looks secret";
constexpr char kSecretText[] = "it holds a secret";

absl::string_view View(const std::string& text) { return text; }

// What a value is that has no secret in itself: a function, a class, None (kTraitNeverRedacted has the types).
bool IsNeverSecret(const Object& object) {
  switch (object.value_case()) {
    case Object::kSingleton:
    case Object::kBoolValue:
    case Object::kTypeValue:
    case Object::kFunction:
    case Object::kMethod:
    case Object::kBuiltinFunction:
    case Object::kModule:
    case Object::kCode:
    case Object::kException:
    case Object::kTraceback:
    case Object::kFrame:
    case Object::kGenerator:
      return true;
    default:
      return object.absent().reason() == proto::Absent::REDACTED;
  }
}

bool IsText(const Object& object) {
  return object.value_case() == Object::kStr || object.value_case() == Object::kBytesValue;
}

absl::string_view TextOf(const Object& object) {
  return object.value_case() == Object::kStr ? View(object.str()) : View(object.bytes_value());
}

class Redactor {
 public:
  explicit Redactor(const RedactionRules& rules) : rules_(rules) {}

  // Of a file that LoadedSnapshot takes.
  absl::Status Read(std::string_view file) {
    format::RecordBuffers buffers;
    const format::StreamEnd end = format::ReadRecords(
        file, buffers, [&](uint32_t kind, std::string_view payload) { return Parse(kind, payload); },
        /*reuse_buffers=*/true);
    return end.stopped ? absl::DataLossError("a record cannot be parsed") : absl::OkStatus();
  }

  void Redact() {
    FindNames();
    RedactArguments(rules_, texts_, *header_.mutable_process());
    MarkKeptByFunctions();
    ReplaceNamed();
    while (RedactTexts()) {
    }
    DropUnreachable();
    for (std::string& text : strings_) texts_.Mask(text);
    for (proto::SourceFile& source : sources_) Mask(source);
  }

  absl::Status Write(std::unique_ptr<ByteSink> output) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotWriter> writer, SnapshotWriter::Create(std::move(output)));
    SnapshotBuilder builder(*writer, header_);
    for (size_t i = 0; i < strings_.size(); ++i) builder.OnString(static_cast<uint32_t>(i + 1), strings_[i]);
    for (size_t i = 0; i < objects_.size(); ++i) builder.OnObject(static_cast<uint32_t>(i + 1), objects_[i]);
    for (const proto::Thread& thread : threads_) builder.AddThread(thread);
    for (const proto::Task& task : tasks_) builder.AddTask(task);
    for (const proto::Greenlet& greenlet : greenlets_) builder.AddGreenlet(greenlet);
    if (process_state_.has_value()) builder.AddProcessState(*process_state_);
    if (exception_.has_value()) builder.AddException(*exception_);
    for (const proto::Problem& problem : problems_) builder.AddProblem(problem.where(), problem.reason());
    for (const proto::SourceFile& source : sources_) builder.AddSource(source.filename(), source.content());
    return builder.Finish(trailer_);
  }

  uint64_t count() const { return count_; }

 private:
  bool Parse(uint32_t kind, std::string_view payload) {
    const int size = static_cast<int>(payload.size());
    const auto add = [&](auto& list) { return list.emplace_back().ParseFromArray(payload.data(), size); };
    switch (kind) {
      case format::kHeaderRecord:
        return header_.ParseFromArray(payload.data(), size);
      case format::kStringsRecord: {
        proto::StringTable table;
        if (!table.ParseFromArray(payload.data(), size)) return false;
        for (std::string& text : *table.mutable_text()) strings_.push_back(std::move(text));
        return true;
      }
      case format::kObjectsRecord: {
        proto::ObjectBatch batch;
        if (!batch.ParseFromArray(payload.data(), size)) return false;
        for (Object& object : *batch.mutable_object()) objects_.push_back(std::move(object));
        return true;
      }
      case format::kThreadRecord:
        return add(threads_);
      case format::kTaskRecord:
        return add(tasks_);
      case format::kGreenletRecord:
        return add(greenlets_);
      case format::kProcessStateRecord:
        return process_state_.emplace().ParseFromArray(payload.data(), size);
      case format::kExceptionRecord:
        return exception_.emplace().ParseFromArray(payload.data(), size);
      case format::kProblemRecord:
        return add(problems_);
      case format::kSourceRecord:
        return add(sources_);
      case format::kTrailerRecord:
        return trailer_.ParseFromArray(payload.data(), size);
      default:
        // What a later version has written may hold anything.
        return false;
    }
  }

  void FindNames() {
    names_.insert(strings_.begin(), strings_.end());
    for (const Object& object : objects_) {
      for (const uint32_t id : object.mapping().key()) {
        const Object* key = Find(id);
        if (key != nullptr && IsBareWord(key->str())) names_.insert(key->str());
      }
    }
  }
  bool IsName(absl::string_view text) const { return IsBareWord(text) && names_.contains(text); }

  Object* Find(uint32_t id) { return id == 0 || id > objects_.size() ? nullptr : &objects_[id - 1]; }
  absl::string_view String(uint32_t id) const {
    return id == 0 || id > strings_.size() ? absl::string_view() : View(strings_[id - 1]);
  }

  // What has names in it and not what they name: annotations, the fields of a class.
  absl::flat_hash_set<uint32_t> Names() {
    absl::flat_hash_set<uint32_t> found;
    for (const Object& object : objects_) {
      if (object.has_function()) found.insert(object.function().annotations());
      const proto::Mapping& mapping = object.mapping();
      for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
        const Object* key = Find(mapping.key(i));
        const absl::string_view name = key == nullptr ? absl::string_view() : View(key->str());
        if (NamesNoSecrets(name)) found.insert(mapping.value(i));
      }
    }
    // Among the constants of code there are the keywords of calls, and annotations (3.10 to 3.13).
    for (const Object& object : objects_) {
      for (const uint32_t constant : object.code().constant()) {
        const Object* pair = Find(constant);
        const Object* second =
            pair != nullptr && pair->sequence().item_size() == 2 ? Find(pair->sequence().item(1)) : nullptr;
        if (second != nullptr && IsText(*second) && IsNameOrType(TextOf(*second))) found.insert(constant);
      }
    }
    return found;
  }

  bool IsSecret(const Reference& reference) {
    absl::string_view name = String(reference.name);
    if (reference.key != 0) {
      const Object* key = Find(reference.key);
      if (key == nullptr || !IsText(*key)) return false;
      name = TextOf(*key);
    }
    return !name.empty() && rules_.SecretName(name);
  }

  // A stand-in under the name; a text is secret wherever else it stands, too.
  void ReplaceNamed() {
    const absl::flat_hash_set<uint32_t> names = Names();
    const auto replace = [this](const Reference& reference) {
      const Object* object = Find(reference.id);
      if (object == nullptr || IsNeverSecret(*object) || !IsSecret(reference)) return reference.id;
      if (object->value_case() == Object::kCell) {
        MarkCell(*object);
        return reference.id;
      }
      if (IsText(*object)) MarkText(reference.id);
      return StandIn(reference.id);
    };
    for (size_t i = 0; i < objects_.size(); ++i) {
      if (!names.contains(static_cast<uint32_t>(i + 1))) VisitReferences(objects_[i], replace);
    }
    for (proto::Thread& thread : threads_) VisitReferences(thread, replace);
    for (proto::Task& task : tasks_) VisitReferences(task, replace);
    for (proto::Greenlet& greenlet : greenlets_) VisitReferences(greenlet, replace);
    if (process_state_.has_value()) VisitReferences(*process_state_, replace);
    for (Object& object : new_objects_) objects_.push_back(std::move(object));
  }

  uint32_t StandIn(uint32_t id) {
    uint32_t& stand_in = stand_ins_[id];
    if (stand_in != 0) return stand_in;
    Object& object = new_objects_.emplace_back();
    object.set_type(objects_[id - 1].type());
    SetRedacted(object, kSecretName);
    // It is counted where it is.
    if (secret_texts_.contains(id)) --count_;
    return stand_in = static_cast<uint32_t>(objects_.size() + new_objects_.size());
  }

  void MarkText(uint32_t id) {
    constexpr size_t kMinText = 3;
    const absl::string_view text = TextOf(objects_[id - 1]);
    if (text.size() < kMinText || IsName(text) || IsType(text)) return;
    texts_.Add(text);
    secret_texts_.insert(id);
  }

  void MarkCell(const Object& cell) {
    const uint32_t id = cell.cell().contents();
    const Object* contents = Find(id);
    if (contents != nullptr && IsText(*contents)) MarkText(id);
  }

  // The code knows the names of what a function keeps in tuples: its cells, and the defaults of its parameters.
  void MarkKeptByFunctions() {
    for (const Object& object : objects_) {
      if (!object.has_function()) continue;
      const Object* code_object = Find(object.function().code());
      if (code_object == nullptr || !code_object->has_code()) continue;
      const proto::Code& code = code_object->code();
      const auto& kinds = code.variable_kind();
      std::vector<uint32_t> free_names;
      for (int i = 0; i < code.variable_size() && static_cast<size_t>(i) < kinds.size(); ++i) {
        if ((static_cast<uint8_t>(kinds[static_cast<size_t>(i)]) & kVariableFree) != 0) {
          free_names.push_back(code.variable(i));
        }
      }
      MarkNamedItems(object.function().closure(), free_names);
      const auto parameters =
          static_cast<int>(std::min<uint32_t>(code.arg_count(), static_cast<uint32_t>(code.variable_size())));
      const Object* defaults = Find(object.function().defaults());
      if (defaults == nullptr || !defaults->has_sequence()) continue;
      const int first = std::max(0, parameters - defaults->sequence().item_size());
      MarkNamedItems(object.function().defaults(),
                     {code.variable().begin() + first, code.variable().begin() + parameters});
    }
  }

  void MarkNamedItems(uint32_t tuple, const std::vector<uint32_t>& names) {
    const Object* object = Find(tuple);
    if (object == nullptr || !object->has_sequence()) return;
    const auto& items = object->sequence().item();
    for (int i = 0; i < items.size() && static_cast<size_t>(i) < names.size(); ++i) {
      const Object* item = Find(items[i]);
      if (item == nullptr || !IsSecret({.id = items[i], .name = names[static_cast<size_t>(i)]})) continue;
      if (item->has_cell()) MarkCell(*item);
      if (IsText(*item)) MarkText(items[i]);
    }
  }

  // Whether anything was found to be secret that was not known to be.
  bool RedactTexts() {
    const SecretContents known = texts_;
    for (size_t i = 0; i < objects_.size(); ++i) {
      Object& object = objects_[i];
      bool secret = secret_texts_.contains(static_cast<uint32_t>(i + 1));
      if (IsText(object) && !IsName(TextOf(object))) secret = IsSecretText(TextOf(object), known) || secret;
      if (!object.tail().empty()) secret = IsSecretText(object.tail(), known) || secret;
      for (const proto::BytesPart& part : object.parts().bytes_part()) {
        secret = IsSecretText(part.value(), known) || secret;
      }
      if (secret && object.value_case() != Object::VALUE_NOT_SET) SetRedacted(object, kSecretText);
    }
    return !(texts_ == known);
  }

  bool IsSecretText(absl::string_view text, const SecretContents& known) {
    const std::vector<absl::string_view> told = rules_.SecretsTold(text);
    for (const absl::string_view secret : told) texts_.Add(secret);
    return !told.empty() || rules_.Matches(text) || known.Within(text);
  }

  void SetRedacted(Object& object, const char* detail) {
    object.clear_value();
    object.clear_tail();
    object.mutable_absent()->set_reason(proto::Absent::REDACTED);
    object.mutable_absent()->set_detail(detail);
    ++count_;
  }

  // What only led to a secret, or was led to by one, must not stay behind.
  void DropUnreachable() {
    std::vector<bool> reached(objects_.size() + 1);
    std::vector<uint32_t> pending;
    const auto reach = [&](const Reference& reference) {
      if (reference.id <= objects_.size() && !reached[reference.id]) {
        reached[reference.id] = true;
        pending.push_back(reference.id);
      }
      return reference.id;
    };
    for (proto::Thread& thread : threads_) VisitReferences(thread, reach);
    for (proto::Task& task : tasks_) VisitReferences(task, reach);
    for (proto::Greenlet& greenlet : greenlets_) VisitReferences(greenlet, reach);
    if (process_state_.has_value()) VisitReferences(*process_state_, reach);
    if (exception_.has_value()) reach({.id = exception_->object()});
    while (!pending.empty()) {
      const uint32_t id = pending.back();
      pending.pop_back();
      if (id != 0) VisitReferences(objects_[id - 1], reach);
    }
    for (size_t i = 0; i < objects_.size(); ++i) {
      if (reached[i + 1]) continue;
      // Written in a source file, it is masked there.
      if (IsText(objects_[i])) texts_.Add(TextOf(objects_[i]));
      objects_[i].Clear();
      objects_[i].mutable_absent()->set_reason(proto::Absent::REDACTED);
    }
  }

  void Mask(proto::SourceFile& source) {
    const std::string masked = MaskSecrets(texts_, *source.mutable_content());
    if (masked.empty()) return;
    proto::Problem& problem = problems_.emplace_back();
    problem.set_where("source " + source.filename());
    problem.set_reason(masked);
  }

  const RedactionRules& rules_;
  proto::Header header_;
  proto::Trailer trailer_;
  std::vector<std::string> strings_;
  std::vector<Object> objects_;
  std::vector<proto::Thread> threads_;
  std::vector<proto::Task> tasks_;
  std::vector<proto::Greenlet> greenlets_;
  std::optional<proto::ProcessState> process_state_;
  std::optional<proto::CrashException> exception_;
  std::vector<proto::Problem> problems_;
  std::vector<proto::SourceFile> sources_;

  // Words that the program uses as names: of variables and attributes, and of keys.
  absl::flat_hash_set<std::string> names_;
  SecretContents texts_;
  absl::flat_hash_set<uint32_t> secret_texts_;
  absl::flat_hash_map<uint32_t, uint32_t> stand_ins_;
  std::vector<Object> new_objects_;
  uint64_t count_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> RedactSnapshot(const std::string& path,
                                        const std::string& output,
                                        const RedactionRules& rules) {
  std::string error;
  int number = 0;
  const std::optional<std::string> file = format::ReadWholeFile(path, &error, &number);
  if (!file.has_value()) return absl::ErrnoToStatus(number, error);
  ASSIGN_OR_RETURN(std::unique_ptr<FileSink> sink, FileSink::Create(output));
  return RedactSnapshot(*file, std::move(sink), rules);
}

absl::StatusOr<uint64_t> RedactSnapshot(std::string_view file,
                                        std::unique_ptr<ByteSink> output,
                                        const RedactionRules& rules) {
  {
    // What a reader would not take, or only in part, is not made into something that it takes.
    ASSIGN_OR_RETURN(const auto loaded, format::LoadedSnapshot::Parse(std::string(file)));
    if (!loaded->damage().empty()) return absl::DataLossError(loaded->damage());
  }
  Redactor redactor(rules);
  RETURN_IF_ERROR(redactor.Read(file));
  redactor.Redact();
  RETURN_IF_ERROR(redactor.Write(std::move(output)));
  return redactor.count();
}

}  // namespace pysnap
