// The inside of a GraphCrawler: what decoders work with.
#ifndef PYSNAP_OBJECTS_CRAWL_H_
#define PYSNAP_OBJECTS_CRAWL_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/address_ids.h"
#include "snapshotter/objects/graph_crawler.h"
#include "snapshotter/objects/namespaces.h"
#include "snapshotter/objects/type_table.h"

namespace pysnap {

// A str of the target that names something.
struct Name {
  absl::Status problem;
  std::string text;
  bool secret = false;
  mutable uint32_t string_id = 0;  // Crawl::StringId gives it
};

class Crawl {
 public:
  Crawl(const Runtime& runtime, Memory& memory, CrawlOptions options, ObjectSink* sink, GraphCrawler& facade);

  const Runtime& runtime() const { return runtime_; }
  const Layout& layout() const { return runtime_.layout; }
  Memory& memory() { return memory_; }
  const CrawlOptions& options() const { return options_; }
  bool touch_only() const { return options_.touch_only; }
  TypeTable& types() { return types_; }
  Namespaces& namespaces() { return namespaces_; }
  GraphCrawler& facade() { return facade_; }

  // As in GraphCrawler.
  uint32_t Ref(Address object);
  uint32_t RefEssential(Address object);
  uint32_t RefSuspended(Address generator);
  bool IsSuspended(Address generator) const { return suspended_.contains(generator); }
  uint32_t RefConstant(Address constant);
  uint32_t RefNamed(absl::string_view name, Address object);
  uint32_t RefNamespace(Address dict, NamespaceKind kind, Address code);
  void AddModules(Address modules) { namespaces_.AddModules(modules); }
  uint32_t RefClassNamespace(Address dict);
  uint32_t RefInt(int64_t value);
  uint32_t RefRaised(const RaisedException& raised);
  // A value that is in the target no object: a number or text in a struct. `type`: the type it has, or its symbol.
  uint32_t RefMade(Address type, proto::Object value);
  uint32_t RefMade(const char* type, proto::Object value) { return RefMade(runtime_.Symbol(type), std::move(value)); }
  uint32_t RefUnknown(const absl::Status& why);
  uint32_t RefTorn() { return Push(Address(), Kind::kTorn); }
  uint32_t String(absl::string_view text);
  absl::Status Run();

  // The object that a field of another one points to, which may be null.
  absl::StatusOr<uint32_t> RefField(Address object, Offset field);
  // The value of a member of a struct.
  uint32_t RefMember(const TypeMember& member, Address value);
  bool IsSecretMember(const TypeMember& member);
  // The same as RefNamed, for a name whose secrecy is known.
  uint32_t RefUnder(bool secret, Address object) { return secret ? RefSecret(object) : Ref(object); }
  // Whether the value under this key of a mapping is secret. `key_id` is the key's id.
  bool IsSecretKey(Address key, uint32_t key_id);
  // Of a key that IsSecretKey was asked for: whether NamesNoSecrets is true of it.
  bool IsKeyOfNames(uint32_t key_id) const { return (objects_[key_id - 1].name & kNameOfNames) != 0; }
  // What has names in it and not what they name: annotations, the fields of a class.
  void NoteNames(Address object) { names_of_nothing_.insert(object); }
  bool HasNames(Address object) const { return names_of_nothing_.contains(object); }
  // Whether the first half of a pair names the second, and what it names is secret, as in a list of headers.
  bool IsNamedByFirst(Address pair, Address first, uint32_t first_id, Address second);
  // Gives an object away under no name from now on: a text, or what a cell holds. Not a word that stands in code: the
  // program means many things by it.
  void MarkSecret(Address object);
  bool IsMarkedSecret(Address object) const {
    return (!secrets_.objects.empty() && secrets_.objects.contains(object)) ||
           (options_.secrets != nullptr && options_.secrets->objects.contains(object));
  }
  // Whether any name is secret.
  bool ChecksNames() const;
  // A code object, read once.
  absl::StatusOr<const CodeInfo*> ReadCode(Address code) { return code_reader_.Read(code); }
  // A str of the target that names an attribute. Read once; the reference lives as long as the crawl.
  const Name& NameAt(Address str);
  // As of String: only what is a name, and not every key of a dict that could be one, is recorded as one.
  uint32_t StringId(const Name& name);
  // The traceback that an exception is being raised with, if that is not in the exception; else null.
  Address TracebackOfRaised(Address exception) const {
    const auto it = tracebacks_.find(exception);
    return it == tracebacks_.end() ? Address() : it->second;
  }
  // Whether the object's type is, or extends, str.
  bool IsText(Address object);
  // The line of the instruction at byte offset `lasti` of the frame behind a PyFrameObject; 0 when there is none.
  int32_t LineOf(Address frame_object, int32_t lasti);
  // Whether a suspended generator's frame, whose last instruction is at `lasti`, stands in `yield from` or `await` by
  // what its code says.
  bool DelegatesByCode(Address frame, int32_t lasti);
  // It is known by this wherever else it stands.
  void AddSecretText(absl::string_view text) { secrets_.texts.Add(text); }
  // Whether this text must not be recorded, wherever it stands; RedactText then says so in place of the value.
  bool IsSecretText(absl::string_view text);
  void RedactText(proto::Object& out) const;

  // Whether an object being decoded may refer to more: the budgets of objects and depth are not spent.
  bool CanDescend() const { return !ObjectsSpent() && !DepthSpent(); }
  // How many of `wanted` bytes may be recorded. Takes them from the budget.
  uint64_t GrantBytes(uint64_t wanted);
  // How many of a container's items may be recorded, of so many bytes each.
  uint64_t GrantItems(uint64_t wanted, uint64_t item_size);
  // How many bytes of the beginning and of the end of a text or of memory may be recorded. Of what is not whole there
  // is an end only where it is too large by itself.
  struct Grant {
    uint64_t head = 0;
    uint64_t tail = 0;
  };
  Grant GrantContents(uint64_t size);
  // For an error that says so: the option whose budget is spent.
  const char* SpentBudget() const;
  // The same where not all of the bytes or items were granted.
  const char* WhyCut() const;
  void MarkLimited() { limited_ = true; }
  // Says in `out` that only a part of a value is there, and how long it is.
  void MarkCut(proto::Object& out, uint64_t length);

  // The object with which memory is recorded that several objects share and none of them is: the first that asks.
  Address& HolderOf(Address shared) { return holders_[shared]; }

  // That a lock is waited for, or a mutex, at the address that the kernel or the runtime is given for it.
  void NoteLock(Address word, Address object) { locks_.try_emplace(word, object); }
  // Null when there is none that is known.
  Address LockAt(Address word) const {
    const auto it = locks_.find(word);
    return it == locks_.end() ? Address() : it->second;
  }

  // With touch_only, what a decoder does instead of reading a value's contents.
  void Touch(Address begin, uint64_t size);

  uint64_t object_count() const { return objects_.size(); }
  uint64_t string_count() const { return strings_.size(); }
  const Secrets& secrets() const { return secrets_; }
  bool limited() const { return limited_; }

 private:
  enum class Kind : uint8_t { kObject, kRedacted, kInt, kMade, kRaised, kArguments, kTorn, kObjectLimit, kDepthLimit };
  // What is known of the object as a name: bits of Entry::name.
  enum NameBits : uint8_t { kNameKnown = 1, kNameSecret = 2, kNameOfNames = 4 };
  struct Entry {
    // kInt: the number; kMade, kRaised: an index in made_, raised_; kArguments: of the one argument, or null.
    Address address;
    Kind kind = Kind::kObject;
    uint8_t name = 0;
  };

  bool ObjectsSpent() const;
  bool DepthSpent() const { return options_.max_depth != 0 && depth_ >= options_.max_depth; }
  uint32_t Push(Address address, Kind kind);
  uint32_t LimitStandIn(Kind kind);
  uint32_t RefSecret(Address object);
  void PrefetchBatch();
  void AddCodeOfRaised();
  void Visit(uint32_t id);
  bool IsInterned(Address object, const TypeInfo& type);
  // Of a str, bytes or bytearray of at most so many items; empty when it is none, or cannot be had.
  std::string ContentsOf(Address object, const TypeInfo& type, uint64_t max_length);
  void DecodeObject(Address object, proto::Object& out);
  void DecodeRedacted(Address object, proto::Object& out);
  void DecodeRaised(const RaisedException& raised, proto::Object& out);
  void DecodeArguments(Address argument, proto::Object& out);
  // What SyntaxError.__init__ would take from its arguments.
  absl::Status DecodeSyntaxErrorFields(Address arguments, proto::Exception& out);
  // The code object that the frame (a PyFrameObject up to 3.10, then a _PyInterpreterFrame) runs.
  absl::StatusOr<const CodeInfo*> CodeOf(Address frame);
  void Prefetch(Address begin, uint64_t size);

  const Runtime& runtime_;
  Memory& memory_;
  const CrawlOptions options_;
  ObjectSink* const sink_;
  GraphCrawler& facade_;
  TypeTable types_;
  Namespaces namespaces_;
  CodeReader code_reader_;

  AddressIds ids_;
  std::vector<Entry> objects_;  // by id - 1
  uint32_t next_ = 0;           // the index in objects_ of the next to be visited
  uint32_t level_end_ = 0;      // where the objects of the present depth end
  uint32_t depth_ = 0;
  uint32_t prefetched_ = 0;
  uint64_t bytes_ = 0;
  bool limited_ = false;
  // The last grant was cut because of the number of items.
  bool cut_by_items_ = false;
  std::array<uint32_t, 2> limit_stand_ins_ = {0, 0};
  absl::flat_hash_map<Address, uint32_t> redacted_;
  absl::flat_hash_map<int64_t, uint32_t> ints_;
  struct Raised {
    RaisedException exception;
    uint32_t id = 0;
  };
  std::vector<Raised> raised_;
  struct Made {
    Address type;
    proto::Object value;
  };
  std::vector<Made> made_;
  // Of exceptions that do not hold theirs yet.
  absl::flat_hash_map<Address, Address> tracebacks_;
  Secrets secrets_;
  absl::flat_hash_set<Address> names_of_nothing_;
  absl::flat_hash_map<Address, Address> holders_;
  absl::flat_hash_map<Address, Address> locks_;
  absl::flat_hash_set<Address> constants_;  // of code
  absl::flat_hash_set<Address> suspended_;  // of RefSuspended
  absl::flat_hash_map<const TypeMember*, bool> secret_members_;

  absl::flat_hash_map<std::string, uint32_t> strings_;
  absl::node_hash_map<Address, Name> names_;
  std::vector<AddressRange> ranges_;  // scratch
  proto::Object scratch_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_CRAWL_H_
