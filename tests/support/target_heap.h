// A CPython heap that a test lays out object by object, for any layout, without an interpreter.
//
//   TargetHeap heap(*FindVersionSupport(12), /*debug=*/false);
//   Address root = heap.List({heap.Int(1), heap.Str("x")});
//   GraphCrawler crawler(heap.runtime(), heap.memory(), options, &sink);
//
// What is written follows CPython's sources, not pysnap's readers; where versions differ, it asks which behaviour the
// version chose.
#ifndef PYSNAP_TESTS_SUPPORT_TARGET_HEAP_H_
#define PYSNAP_TESTS_SUPPORT_TARGET_HEAP_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/version_support.h"
#include "tests/support/heap_memory.h"

namespace pysnap::testing {

using Items = std::vector<Address>;
using Entries = std::vector<std::pair<Address, Address>>;

// What a class made by a class statement is like.
struct ClassOptions {
  std::string module = "__main__";
  std::vector<std::string> slots = {};
  bool has_dict = true;
  // Attribute names its instances share.
  std::vector<std::string> shared_keys = {};
  Entries namespace_entries = {};
};

class TargetHeap {
 public:
  TargetHeap(const VersionSupport& version, bool debug);

  const Runtime& runtime() const { return runtime_; }
  HeapMemory& memory() { return memory_; }
  const Layout& layout() const { return runtime_.layout; }

  // Zeroed memory, readable, 16-aligned, with room before it as an object's headers have it.
  Address Allocate(uint64_t size);
  template <typename T>
  void Poke(Address address, T value) {
    memory_.Write(address, &value, sizeof(value));
  }
  void PokePointer(Address address, Address value) { Poke<uint64_t>(address, value.value()); }
  Address CString(const std::string& text);
  // An object of this type and size, otherwise zero.
  Address Object(Address type, uint64_t size);

  Address None() const { return Symbol("_Py_NoneStruct"); }
  Address True() const { return Symbol("_Py_TrueStruct"); }
  Address False() const { return Symbol("_Py_FalseStruct"); }
  // A static type, by its exported symbol; or by its tp_name when it has none.
  Address Symbol(const std::string& name) const { return runtime_.Symbol(name); }
  Address StaticType(const std::string& tp_name) const { return by_name_.at(tp_name); }
  // One that no table names.
  Address NewStaticType(const std::string& tp_name, Address base, int64_t basic_size);

  Address Int(int64_t value);
  Address BigInt(bool negative, const std::vector<uint32_t>& digits);
  Address Float(double value);
  Address Complex(double real, double imag);
  // Compact; the narrowest kind that holds all characters.
  Address Str(const std::u32string& text);
  Address Str(const std::string& ascii);
  // Characters outside the object, as instances of subclasses have them.
  Address OutOfLineStr(Address type, const std::u32string& text);
  // Only wchar_t (to 3.11). Null where the version has no such strings.
  Address LegacyStr(const std::u32string& text);
  // The same str for the same text.
  Address Interned(const std::string& text);
  Address Bytes(const std::string& bytes);
  Address ByteArray(const std::string& bytes);
  Address Tuple(const Items& items);
  Address List(const Items& items);
  Address Deque(const Items& items, int64_t max_length, int64_t left_index);
  Address Set(const char* type_symbol, const Items& items);
  // General: entries with a hash, whatever the keys.
  Address Dict(const Entries& entries, bool general = false, size_t deleted = 0);
  Address SplitDict(const Entries& entries);
  Address OrderedDict(const Entries& entries, const std::vector<size_t>& order);
  Address Slice(Address start, Address stop, Address step);
  Address Range(Address start, Address stop, Address step);
  Address Module(const Entries& entries);
  Address Code(const Items& names, const Items& constants);
  Address Function(Address code, Address globals, const std::string& name);
  Address Method(Address function, Address self);
  Address BuiltinFunction(const std::string& name, Address self);
  Address Descriptor(const char* type_symbol, const std::string& name, Address owner);
  Address Cell(Address contents);
  Address Exception(Address type, const Items& args);
  Address Traceback(Address next, Address frame, int32_t lasti, int32_t line);
  // A closed one.
  Address Generator(const char* type_symbol, const std::string& name);

  Address Class(const std::string& name, Address base, const ClassOptions& options);
  // Of a class made by Class, with its attributes where the version keeps them: in values while the class shares keys
  // for all of them, else in a dict.
  Address Instance(Address type, const std::vector<std::pair<std::string, Address>>& attributes);
  // Makes an existing object (of a subclass of a builtin type) have this dict; `size` is that of the object.
  void SetDict(Address object, Address type, uint64_t size, Address dict);
  void SetSlot(Address object, Address type, size_t index, Address value);

  uint64_t BasicSize(Address type);

 private:
  void DescribeStaticTypes();
  void SetBase(const char* name, const char* base, uint64_t flags, int64_t basic_size, int64_t item_size = 0);
  Address Keys(const Entries& entries, bool general, bool with_values, size_t deleted);
  Address Values(Address at, const Items& values);
  uint64_t ValuesSize(size_t count) const;
  void PokeUnicodeHeader(Address str, uint64_t length, uint32_t state);

  HeapMemory memory_;
  Runtime runtime_;
  Address next_{0x7f0000001000};
  absl::flat_hash_map<std::string, Address> by_name_;
  absl::flat_hash_map<std::string, Address> interned_;
  absl::flat_hash_map<Address, size_t> shared_key_counts_;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_TARGET_HEAP_H_
