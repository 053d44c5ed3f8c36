#include "snapshotter/objects/crawl.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/type_flags.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/objects/absent.h"
#include "snapshotter/objects/attributes.h"
#include "snapshotter/objects/raised_frames.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/objects/registry.h"

namespace pysnap {
namespace {

constexpr uint64_t kPageSize = 4096;
// Ids are 32 bits wide. The last few are kept for what is essential.
constexpr uint64_t kMaxIds = uint64_t{1} << 31;
// No single value is recorded beyond the first of these, unless --max-bytes says how many may be; then beyond the
// second, which a record of a snapshot can hold.
constexpr uint64_t kMaxValueBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 30;
// Contents that have no parts: more than the first is told by a beginning and an end, of the second each.
constexpr uint64_t kLargeContents = uint64_t{64} << 20;
constexpr uint64_t kPartOfLarge = uint64_t{64} << 10;
// So many objects lie between two looks at whether to go on.
constexpr uint32_t kCheckInterval = 512;
// How many objects are announced to the memory at a time, and how much of each.
constexpr uint32_t kBatch = 4096;
constexpr int64_t kBytesBefore = 32;
constexpr int64_t kBytesAfter = 64;
// A longer text is no name.
constexpr uint64_t kMaxSecretName = 256;
// Shorter texts are shared by the whole process (CPython keeps one of each) and hide nothing.
constexpr uint64_t kMinSecretText = 3;
constexpr uint64_t kMaxSecretText = uint64_t{64} << 10;

std::string ToString(absl::string_view text) { return std::string(text.data(), text.size()); }

}  // namespace

Crawl::Crawl(const Runtime& runtime, Memory& memory, CrawlOptions options, ObjectSink* sink, GraphCrawler& facade)
    : runtime_(runtime),
      memory_(memory),
      options_(std::move(options)),
      sink_(sink),
      facade_(facade),
      types_(runtime, memory, options_.layouts, options_.structs, options_.touch_only),
      namespaces_(runtime, memory, options_.working_folder),
      code_reader_(runtime, memory) {}

bool Crawl::ObjectsSpent() const {
  return objects_.size() >= (options_.max_objects != 0 ? std::min(options_.max_objects, kMaxIds) : kMaxIds);
}

const char* Crawl::SpentBudget() const { return ObjectsSpent() ? "--max-objects" : "--max-depth"; }

uint32_t Crawl::Push(Address address, Kind kind) {
  objects_.push_back({address, kind, 0});
  return static_cast<uint32_t>(objects_.size());
}

uint32_t Crawl::LimitStandIn(Kind kind) {
  limited_ = true;
  uint32_t& id = limit_stand_ins_[kind == Kind::kObjectLimit ? 0 : 1];
  if (id == 0) id = Push(Address(), kind);
  return id;
}

uint32_t Crawl::Ref(Address object) {
  if (object.is_null()) return 0;
  uint32_t& id = ids_[object];
  if (id != 0) return id;
  if (ObjectsSpent()) return LimitStandIn(Kind::kObjectLimit);
  if (DepthSpent()) return LimitStandIn(Kind::kDepthLimit);
  return id = Push(object, Kind::kObject);
}

uint32_t Crawl::RefEssential(Address object) {
  if (object.is_null()) return 0;
  uint32_t& id = ids_[object];
  if (id == 0 && objects_.size() >= 2 * kMaxIds - 2) return LimitStandIn(Kind::kObjectLimit);
  if (id == 0) id = Push(object, Kind::kObject);
  return id;
}

uint32_t Crawl::RefSuspended(Address generator) {
  suspended_.insert(generator);
  return RefEssential(generator);
}

uint32_t Crawl::RefConstant(Address constant) {
  constants_.insert(constant);
  return RefEssential(constant);
}

uint32_t Crawl::RefNamed(absl::string_view name, Address object) {
  const bool secret = options_.redaction != nullptr && options_.redaction->SecretName(name);
  return RefUnder(secret, object);
}

uint32_t Crawl::RefSecret(Address object) {
  if (object.is_null()) return 0;
  const absl::StatusOr<Address> type = memory_.ReadPointer(object + layout().PyObject.ob_type);
  if (!type.ok()) return Ref(object);
  const TypeInfo& info = types_.Get(*type);
  if (!info.problem.ok() || info.decoder == nullptr || (info.decoder->traits & kTraitNeverRedacted) != 0) {
    return Ref(object);
  }
  if ((info.decoder->traits & kTraitText) != 0) MarkSecret(object);
  uint32_t& id = redacted_[object];
  if (id != 0) return id;
  if (ObjectsSpent()) return LimitStandIn(Kind::kObjectLimit);
  if (DepthSpent()) return LimitStandIn(Kind::kDepthLimit);
  return id = Push(object, Kind::kRedacted);
}

void Crawl::MarkSecret(Address object) {
  const absl::StatusOr<Address> type = memory_.ReadPointer(object + layout().PyObject.ob_type);
  if (!type.ok()) return;
  const TypeInfo& info = types_.Get(*type);
  if (!info.problem.ok() || info.decoder == nullptr) return;
  if ((info.decoder->traits & kTraitText) != 0) {
    const absl::StatusOr<int64_t> length = memory_.ReadValue<int64_t>(object + layout().PyVarObject.ob_size);
    if (length.ok() && static_cast<uint64_t>(*length) < kMinSecretText) return;
    const std::string text = ContentsOf(object, info, kMaxSecretName);
    if (IsType(text) || (IsBareWord(text) && IsInterned(object, info))) return;
  } else if ((info.decoder->traits & kTraitHolder) == 0) {
    return;
  }
  if (secrets_.objects.insert(object).second) {
    secrets_.texts.Add(ContentsOf(object, info, kMaxSecretText));
  }
}

bool Crawl::IsInterned(Address object, const TypeInfo& type) {
  if ((type.shape.flags & kTypeUnicodeSubclass) == 0) return false;
  const absl::StatusOr<TextShape> shape = ReadTextShape(runtime_, memory_, object);
  return shape.ok() && shape->interned;
}

std::string Crawl::ContentsOf(Address object, const TypeInfo& type, uint64_t max_length) {
  const uint64_t flags = type.problem.ok() ? type.shape.flags : 0;
  if ((flags & kTypeUnicodeSubclass) != 0) return ReadText(runtime_, memory_, object, max_length).value_or("");
  Address begin = object + layout().PyBytesObject.ob_sval;
  if ((flags & kTypeBytesSubclass) == 0) {
    if (type.decoded_as == nullptr || type.decoded_as->address != runtime_.Symbol("PyByteArray_Type")) return "";
    begin = memory_.ReadPointer(object + layout().PyByteArrayObject.ob_start).value_or(Address());
  }
  const absl::StatusOr<uint64_t> size = memory_.ReadValue<uint64_t>(object + layout().PyVarObject.ob_size);
  std::string contents;
  if (!size.ok() || *size == 0 || *size > max_length) return "";
  return memory_.ReadArray(begin, *size, contents).ok() ? contents : "";
}

bool Crawl::ChecksNames() const { return options_.redaction != nullptr && options_.redaction->checks_names(); }

bool Crawl::IsSecretMember(const TypeMember& member) {
  const auto [it, inserted] = secret_members_.try_emplace(&member, false);
  if (inserted) it->second = ChecksNames() && options_.redaction->SecretName(member.name);
  return it->second;
}

uint32_t Crawl::RefMember(const TypeMember& member, Address value) { return RefUnder(IsSecretMember(member), value); }

uint32_t Crawl::RefNamespace(Address dict, NamespaceKind kind, Address code) {
  if (dict.is_null()) return 0;
  namespaces_.Add(dict, kind, code);
  return Ref(dict);
}

uint32_t Crawl::RefClassNamespace(Address dict) {
  if (dict.is_null()) return 0;
  namespaces_.AddClass(*this, dict);
  return Ref(dict);
}

uint32_t Crawl::RefInt(int64_t value) {
  uint32_t& id = ints_[value];
  if (id != 0) return id;
  if (ObjectsSpent()) return LimitStandIn(Kind::kObjectLimit);
  return id = Push(Address(static_cast<uint64_t>(value)), Kind::kInt);
}

uint32_t Crawl::RefMade(Address type, proto::Object value) {
  if (ObjectsSpent()) return LimitStandIn(Kind::kObjectLimit);
  made_.push_back({type, std::move(value)});
  return Push(Address(made_.size() - 1), Kind::kMade);
}

uint32_t Crawl::RefUnknown(const absl::Status& why) {
  proto::Object absent;
  SetAbsent(why, *absent.mutable_absent());
  return RefMade("PyBaseObject_Type", std::move(absent));
}

uint32_t Crawl::RefRaised(const RaisedException& raised) {
  // From 3.12 on the value is all there is.
  if (raised.type.is_null()) return RefEssential(raised.value);
  if (!raised.value.is_null() && IsInstance(runtime_, memory_, raised.value, raised.type).value_or(false)) {
    if (!raised.traceback.is_null()) tracebacks_[raised.value] = raised.traceback;
    return RefEssential(raised.value);
  }
  const auto known =
      std::find_if(raised_.begin(), raised_.end(), [&](const Raised& each) { return each.exception == raised; });
  if (known != raised_.end()) return known->id;
  const uint32_t id = Push(Address(raised_.size()), Kind::kRaised);
  raised_.push_back({raised, id});
  return id;
}

uint32_t Crawl::String(absl::string_view text) {
  if (touch_only()) return 0;
  const auto it = strings_.find(text);
  if (it != strings_.end()) return it->second;
  const uint32_t id = static_cast<uint32_t>(strings_.size() + 1);
  strings_.emplace(ToString(text), id);
  sink_->OnString(id, text);
  return id;
}

absl::StatusOr<uint32_t> Crawl::RefField(Address object, Offset field) {
  if (field == kNoOffset) return 0;
  ASSIGN_OR_RETURN(const Address value, memory_.ReadPointer(object + field));
  return Ref(value);
}

bool Crawl::IsText(Address object) {
  const absl::StatusOr<Address> type = memory_.ReadPointer(object + layout().PyObject.ob_type);
  if (!type.ok()) return false;
  const TypeInfo& info = types_.Get(*type);
  return info.problem.ok() && (info.shape.flags & kTypeUnicodeSubclass) != 0;
}

bool Crawl::IsNamedByFirst(Address pair, Address first, uint32_t first_id, Address second) {
  if (first_id == 0 || !IsSecretKey(first, first_id) || HasNames(pair)) return false;
  // Among the constants of code there are the keywords of calls, and annotations (3.10 to 3.13).
  if (!constants_.contains(pair)) return true;
  const absl::StatusOr<Address> type = memory_.ReadPointer(second + layout().PyObject.ob_type);
  return !type.ok() || !IsNameOrType(ContentsOf(second, types_.Get(*type), kMaxSecretName));
}

bool Crawl::IsSecretKey(Address key, uint32_t key_id) {
  if (!ChecksNames()) return false;
  Entry& entry = objects_[key_id - 1];
  const bool cached = entry.kind == Kind::kObject && entry.address == key;
  if (cached && (entry.name & kNameKnown) != 0) return (entry.name & kNameSecret) != 0;

  bool secret = false;
  bool names_no_secrets = false;
  const absl::StatusOr<Address> type = memory_.ReadPointer(key + layout().PyObject.ob_type);
  if (type.ok()) {
    const TypeInfo& info = types_.Get(*type);
    const std::string text = ContentsOf(key, info, kMaxSecretName);
    secret = options_.redaction->SecretName(text);
    names_no_secrets = NamesNoSecrets(text);
  }
  if (cached) {
    entry.name = static_cast<uint8_t>(kNameKnown | (secret ? kNameSecret : 0) | (names_no_secrets ? kNameOfNames : 0));
  }
  return secret;
}

const Name& Crawl::NameAt(Address str) {
  const auto [it, inserted] = names_.try_emplace(str);
  Name& name = it->second;
  if (!inserted) return name;
  if (!IsText(str)) {
    name.problem = absl::DataLossError(absl::StrFormat("the name at %#x is no str", str.value()));
    return name;
  }
  absl::StatusOr<std::string> text = ReadText(runtime_, memory_, str);
  if (!text.ok()) {
    name.problem = std::move(text).status();
    return name;
  }
  name.text = *std::move(text);
  name.secret = options_.redaction != nullptr && options_.redaction->SecretName(name.text);
  return name;
}

uint32_t Crawl::StringId(const Name& name) {
  if (name.string_id == 0) name.string_id = String(name.text);
  return name.string_id;
}

absl::StatusOr<const CodeInfo*> Crawl::CodeOf(Address frame) {
  const auto& layout = runtime_.layout;
  Address code;
  if (layout.PyFrameObject.f_frame == kNoOffset) {
    ASSIGN_OR_RETURN(code, memory_.ReadPointer(frame + layout.PyFrameObject.f_code));
  } else {
    ASSIGN_OR_RETURN(code, memory_.ReadPointer(frame + layout._PyInterpreterFrame.f_executable));
    code = runtime_.version->decode_stack_ref(code.value());
  }
  return code_reader_.Read(code);
}

int32_t Crawl::LineOf(Address frame_object, int32_t lasti) {
  absl::StatusOr<Address> frame = frame_object;
  const Offset field = runtime_.layout.PyFrameObject.f_frame;
  if (field != kNoOffset) frame = memory_.ReadPointer(frame_object + field);
  if (!frame.ok()) return 0;
  const absl::StatusOr<const CodeInfo*> code = CodeOf(*frame);
  return code.ok() ? std::max(code_reader_.Position(**code, lasti).line, 0) : 0;
}

bool Crawl::DelegatesByCode(Address frame, int32_t lasti) {
  const YieldFromMark mark = runtime_.version->yield_from_mark;
  if (mark.opcode < 0 || lasti < 0) return false;
  const absl::StatusOr<const CodeInfo*> code = CodeOf(frame);
  if (!code.ok()) return false;
  const std::string& bytecode = (*code)->bytecode;
  const size_t next = static_cast<size_t>(lasti) + 2;
  return next + 1 < bytecode.size() && static_cast<uint8_t>(bytecode[next]) == mark.opcode &&
         static_cast<uint8_t>(bytecode[next + 1]) >= mark.min_argument;
}

bool Crawl::IsSecretText(absl::string_view text) {
  if (options_.redaction == nullptr || !options_.redaction->checks_texts()) return false;
  const std::vector<absl::string_view> told = options_.redaction->SecretsTold(text);
  // They are known by this wherever else they stand.
  for (const absl::string_view secret : told) secrets_.texts.Add(secret);
  return !told.empty() || options_.redaction->Matches(text) ||
         (options_.secrets != nullptr && options_.secrets->texts.Within(text));
}

void Crawl::RedactText(proto::Object& out) const {
  out.clear_value();
  out.clear_tail();
  out.mutable_absent()->set_reason(proto::Absent::REDACTED);
  out.mutable_absent()->set_detail("it holds a secret");
}

uint64_t Crawl::GrantBytes(uint64_t wanted) {
  cut_by_items_ = false;
  uint64_t granted = std::min(wanted, options_.max_bytes == 0 ? kMaxValueBytes : kMaxRecordBytes);
  if (options_.max_bytes != 0) granted = std::min(granted, options_.max_bytes - std::min(options_.max_bytes, bytes_));
  bytes_ += granted;
  return granted;
}

uint64_t Crawl::GrantItems(uint64_t wanted, uint64_t item_size) {
  const uint64_t allowed = options_.max_items == 0 ? wanted : std::min(wanted, options_.max_items);
  const uint64_t granted = GrantBytes(allowed * item_size) / item_size;
  cut_by_items_ = granted == allowed && allowed < wanted;
  return granted;
}

Crawl::Grant Crawl::GrantContents(uint64_t size) {
  if (options_.max_bytes != 0 || size <= kLargeContents) return {GrantBytes(size), 0};
  bytes_ += 2 * kPartOfLarge;
  return {kPartOfLarge, kPartOfLarge};
}

void Crawl::MarkCut(proto::Object& out, uint64_t length) {
  limited_ = true;
  out.set_length(length);
  if (!out.has_absent()) SetAbsent(absl::ResourceExhaustedError(WhyCut()), *out.mutable_absent());
}

const char* Crawl::WhyCut() const {
  if (!CanDescend()) return SpentBudget();
  if (cut_by_items_) return "--max-items";
  return options_.max_bytes == 0 ? "it is large, which only --max-bytes allows" : "--max-bytes";
}

void Crawl::Touch(Address begin, uint64_t size) {
  const AddressRange range = {begin, size};
  memory_.Prefetch(absl::MakeConstSpan(&range, 1));
}

// Their code is captured code, as that of the threads' frames is, and has to be known before anything is decoded. Where
// an exception is all that is left of a thread's stack there is no other.
void Crawl::AddCodeOfRaised() {
  std::vector<RaisedRoot> roots;
  for (const Entry& entry : objects_) {
    if (entry.kind == Kind::kObject) roots.push_back({entry.address, TracebackOfRaised(entry.address)});
  }
  for (const Raised& raised : raised_) roots.push_back({raised.exception.value, raised.exception.traceback});
  const bool has_inner = layout().PyFrameObject.f_frame != kNoOffset;
  const Offset globals = has_inner ? layout()._PyInterpreterFrame.f_globals : layout().PyFrameObject.f_globals;
  const Offset builtins = has_inner ? layout()._PyInterpreterFrame.f_builtins : layout().PyFrameObject.f_builtins;
  for (const Address frame : RaisedFrames(runtime_, memory_, types_, std::move(roots))) {
    const absl::StatusOr<const CodeInfo*> code = CodeOf(frame);
    if (!code.ok()) continue;
    const auto add = [&](Offset field, NamespaceKind kind) {
      const absl::StatusOr<Address> dict = memory_.ReadPointer(frame + field);
      if (dict.ok() && !dict->is_null()) namespaces_.Add(*dict, kind, (*code)->address);
    };
    add(globals, NamespaceKind::kGlobals);
    add(builtins, NamespaceKind::kBuiltins);
  }
}

absl::Status Crawl::Run() {
  AddCodeOfRaised();
  namespaces_.Resolve(*this);
  while (next_ < objects_.size()) {
    if (next_ == level_end_) {
      level_end_ = static_cast<uint32_t>(objects_.size());
      ++depth_;
    }
    if (next_ % kCheckInterval == 0) {
      if (options_.abandoned && options_.abandoned()) return absl::CancelledError("the crawl was abandoned");
      if (options_.progress) options_.progress(next_);
    }
    if (next_ >= prefetched_ && touch_only()) PrefetchBatch();
    Visit(++next_);
  }
  return absl::OkStatus();
}

void Crawl::Prefetch(Address begin, uint64_t size) {
  if (!ranges_.empty()) {
    // Neighbours become one range.
    AddressRange& last = ranges_.back();
    const uint64_t first_page = last.begin.value() / kPageSize;
    const uint64_t last_page = last.end().value() / kPageSize;
    if (begin.value() / kPageSize >= first_page && (begin.value() + size) / kPageSize <= last_page) return;
  }
  ranges_.push_back({begin, size});
}

void Crawl::PrefetchBatch() {
  const uint32_t end = static_cast<uint32_t>(std::min<uint64_t>(objects_.size(), uint64_t{next_} + kBatch));
  ranges_.clear();
  for (uint32_t i = next_; i < end; ++i) {
    if (objects_[i].kind == Kind::kObject) Prefetch(objects_[i].address - kBytesBefore, kBytesBefore + kBytesAfter);
  }
  memory_.Prefetch(ranges_);
  prefetched_ = end;
}

void Crawl::Visit(uint32_t id) {
  const Entry entry = objects_[id - 1];
  proto::Object& out = scratch_;
  switch (entry.kind) {
    case Kind::kObject:
      out.set_address(entry.address.value());
      DecodeObject(entry.address, out);
      break;
    case Kind::kRedacted:
      DecodeRedacted(entry.address, out);
      break;
    case Kind::kInt:
      out.set_type(RefEssential(runtime_.Symbol("PyLong_Type")));
      out.set_int_value(static_cast<int64_t>(entry.address.value()));
      break;
    case Kind::kMade:
      out.Swap(&made_[entry.address.value()].value);
      out.set_type(RefEssential(made_[entry.address.value()].type));
      if (out.value_case() == proto::Object::kStr && IsSecretText(out.str())) RedactText(out);
      if (out.value_case() == proto::Object::kBytesValue && IsSecretText(out.bytes_value())) RedactText(out);
      break;
    case Kind::kRaised:
      DecodeRaised(raised_[entry.address.value()].exception, out);
      break;
    case Kind::kArguments:
      DecodeArguments(entry.address, out);
      break;
    case Kind::kTorn:
      SetAbsent(absl::AbortedError("the thread was stopped while it changed this"), *out.mutable_absent());
      break;
    case Kind::kObjectLimit:
    case Kind::kDepthLimit:
      SetAbsent(absl::ResourceExhaustedError(entry.kind == Kind::kObjectLimit ? "--max-objects" : "--max-depth"),
                *out.mutable_absent());
      break;
  }
  if (!touch_only()) sink_->OnObject(id, out);
  out.Clear();
}

void Crawl::DecodeRedacted(Address object, proto::Object& out) {
  const absl::StatusOr<Address> type = memory_.ReadPointer(object + layout().PyObject.ob_type);
  if (type.ok()) out.set_type(RefEssential(*type));
  out.mutable_absent()->set_reason(proto::Absent::REDACTED);
  out.mutable_absent()->set_detail("its name looks secret");
}

// _PyErr_CreateException, Python/errors.c, 3.8 to 3.11: no value and None are no arguments, a tuple is the arguments,
// and anything else is the only one.
void Crawl::DecodeRaised(const RaisedException& raised, proto::Object& out) {
  out.set_type(RefEssential(raised.type));
  proto::Exception& exception = *out.mutable_exception();
  const bool is_tuple = !raised.value.is_null() &&
                        IsInstance(runtime_, memory_, raised.value, runtime_.Symbol("PyTuple_Type")).value_or(false);
  const bool is_none = raised.value == runtime_.Symbol("_Py_NoneStruct");
  exception.set_args(is_tuple ? RefEssential(raised.value)
                              : Push(is_none ? Address() : raised.value, Kind::kArguments));
  exception.set_traceback(Ref(raised.traceback));
  if (!is_tuple) return;
  const absl::StatusOr<Address> syntax_error = memory_.ReadPointer(runtime_.Symbol("PyExc_SyntaxError"));
  if (syntax_error.ok() && IsSubtype(runtime_, memory_, raised.type, *syntax_error).value_or(false)) {
    const absl::Status status = DecodeSyntaxErrorFields(raised.value, exception);
    if (!status.ok()) SetAbsent(status, *out.mutable_absent());
  }
}

// SyntaxError_init, Objects/exceptions.c, 3.8 to 3.11: (msg, (filename, lineno, offset, text[, end_lineno,
// end_offset])).
absl::Status Crawl::DecodeSyntaxErrorFields(Address arguments, proto::Exception& out) {
  static constexpr const char* kDetails[] = {"filename", "lineno", "offset", "text", "end_lineno", "end_offset"};
  const auto add = [&](const char* name, Address value) {
    const uint32_t id = Ref(value);
    if (touch_only() || id == 0) return;
    proto::Attribute* field = out.add_field();
    field->set_name(String(name));
    field->set_value(id);
  };
  const auto items = [&](Address tuple, size_t most) -> absl::StatusOr<std::vector<Address>> {
    ASSIGN_OR_RETURN(const bool is_tuple, IsInstance(runtime_, memory_, tuple, runtime_.Symbol("PyTuple_Type")));
    if (!is_tuple) return std::vector<Address>();
    ASSIGN_OR_RETURN(const int64_t size, memory_.ReadValue<int64_t>(tuple + layout().PyVarObject.ob_size));
    std::vector<Address> found;
    for (int64_t i = 0; i < size && found.size() < most; ++i) {
      const int64_t offset = i * static_cast<int64_t>(sizeof(uint64_t));
      ASSIGN_OR_RETURN(const Address item, memory_.ReadPointer(tuple + layout().PyTupleObject.ob_item + offset));
      found.push_back(item);
    }
    return found;
  };
  ASSIGN_OR_RETURN(const std::vector<Address> all, items(arguments, 2));
  if (!all.empty()) add("msg", all[0]);
  if (all.size() < 2) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Address> details, items(all[1], std::size(kDetails)));
  for (size_t i = 0; i < details.size(); ++i) add(kDetails[i], details[i]);
  return absl::OkStatus();
}

void Crawl::DecodeArguments(Address argument, proto::Object& out) {
  out.set_type(RefEssential(runtime_.Symbol("PyTuple_Type")));
  out.mutable_sequence()->set_kind(proto::Sequence::TUPLE);
  if (!argument.is_null()) out.mutable_sequence()->add_item(Ref(argument));
}

void Crawl::DecodeObject(Address object, proto::Object& out) {
  const absl::StatusOr<Address> type_address = memory_.ReadPointer(object + layout().PyObject.ob_type);
  if (!type_address.ok()) {
    SetAbsent(type_address.status(), *out.mutable_absent());
    return;
  }
  const TypeInfo& type = types_.Get(*type_address);
  if (!type.problem.ok()) {
    SetAbsent(type.problem, *out.mutable_absent());
    return;
  }
  out.set_type(RefEssential(*type_address));
  if (type.decoder == nullptr) {
    SetAbsent(absl::DataLossError("its type does not extend object"), *out.mutable_absent());
    return;
  }
  if ((type.decoder->traits & kTraitText) != 0 && IsMarkedSecret(object)) {
    out.mutable_absent()->set_reason(proto::Absent::REDACTED);
    out.mutable_absent()->set_detail("also stands under a name that looks secret");
    return;
  }
  absl::Status status = type.decoder->decode(*this, object, type, out);
  if (status.ok() && type.opaque) {
    status = absl::UnimplementedError(absl::StrFormat("values of the type %s are not decoded", type.name));
  }
  if (type.has_attributes) {
    const absl::Status attributes = DecodeAttributes(*this, object, type, out);
    if (status.ok()) status = attributes;
  }
  if (type.opaque && out.value_case() == proto::Object::VALUE_NOT_SET) {
    const bool bare = out.attribute().empty() && out.dict() == 0;
    // With touch_only also what the fields may turn out to be.
    const bool may_have_fields = touch_only() && options_.structs != nullptr;
    if (!DecodeFields(*this, object, type, out) && (bare || may_have_fields)) DecodeUnknown(*this, object, type, out);
  }
  if (!status.ok() && !out.has_absent()) SetAbsent(status, *out.mutable_absent());
}

}  // namespace pysnap
