#include "tests/support/target_heap.h"

#include <algorithm>
#include <array>

#include "snapshotter/cpython/type_flags.h"
#include "snapshotter/objects/registry.h"

namespace pysnap::testing {
namespace {

constexpr uint64_t kFirstHash = 0x1000;
constexpr int64_t kBlockItems = 64;  // of a deque's block

uint64_t RoundUp(uint64_t size, uint64_t to) { return (size + to - 1) / to * to; }

int Log2(uint64_t size) {
  int log2 = 0;
  while (uint64_t{1} << log2 < size) ++log2;
  return log2;
}

std::u32string Widen(const std::string& ascii) { return std::u32string(ascii.begin(), ascii.end()); }

}  // namespace

TargetHeap::TargetHeap(const VersionSupport& version, bool debug) {
  runtime_.version = &version;
  runtime_.layout = debug ? *version.debug : *version.release;
  runtime_.debug = debug;
  // All types are there before any is described, as they refer to each other.
  for (const DecoderEntry& entry : DecoderEntries()) {
    const Address type = Allocate(static_cast<uint64_t>(layout().PyTypeObject.size_));
    by_name_[entry.tp_name] = type;
    if (entry.symbol != nullptr) runtime_.symbols[entry.symbol] = type;
  }
  by_name_["OSError"] = Allocate(static_cast<uint64_t>(layout().PyTypeObject.size_));
  by_name_["_random.Random"] = Allocate(static_cast<uint64_t>(layout().PyTypeObject.size_));
  DescribeStaticTypes();
  const auto singleton = [&](const char* symbol, const char* type) {
    runtime_.symbols[symbol] = Object(by_name_[type], 64);
  };
  singleton("_Py_NoneStruct", "NoneType");
  singleton("_Py_EllipsisObject", "ellipsis");
  singleton("_Py_NotImplementedStruct", "NotImplementedType");
  singleton("_Py_TrueStruct", "bool");
  singleton("_Py_FalseStruct", "bool");
}

Address TargetHeap::Allocate(uint64_t size) {
  constexpr uint64_t kBefore = 64;
  const Address result = next_ + kBefore;
  memory_.Map(next_, kBefore + size + 16);
  next_ = Address(RoundUp((result + static_cast<int64_t>(size)).value() + 1, 16));
  return result;
}

Address TargetHeap::CString(const std::string& text) {
  const Address at = Allocate(text.size() + 1);
  memory_.Write(at, text.c_str(), text.size() + 1);
  return at;
}

Address TargetHeap::Object(Address type, uint64_t size) {
  const Address object = Allocate(size);
  Poke<uint64_t>(object + layout().PyObject.ob_refcnt, 1);
  PokePointer(object + layout().PyObject.ob_type, type);
  return object;
}

void TargetHeap::DescribeStaticTypes() {
  const auto& type_layout = layout().PyTypeObject;
  for (const auto& [name, type] : by_name_) {
    PokePointer(type + layout().PyObject.ob_type, Symbol("PyType_Type"));
    PokePointer(type + type_layout.tp_name, CString(name));
    if (name != "object") PokePointer(type + type_layout.tp_base, Symbol("PyBaseObject_Type"));
    Poke<uint64_t>(type + type_layout.tp_flags, kTypeReady);
    Poke<int64_t>(type + type_layout.tp_basicsize, layout().PyObject.size_);
  }
  const Layout& l = layout();
  SetBase("type", "object", kTypeTypeSubclass, l.PyHeapTypeObject.size_);
  Poke<int64_t>(by_name_["type"] + type_layout.tp_dictoffset, type_layout.tp_dict);
  SetBase("int", "object", kTypeLongSubclass, l.PyLongObject.ob_digit, 4);
  SetBase("bool", "int", kTypeLongSubclass, l.PyLongObject.ob_digit, 4);
  SetBase("float", "object", 0, l.PyFloatObject.size_);
  SetBase("str", "object", kTypeUnicodeSubclass, l.PyUnicodeObject.size_);
  SetBase("bytes", "object", kTypeBytesSubclass, l.PyBytesObject.ob_sval + 1, 1);
  SetBase("tuple", "object", kTypeTupleSubclass, l.PyTupleObject.ob_item, 8);
  SetBase("list", "object", kTypeListSubclass, l.PyListObject.size_);
  SetBase("dict", "object", kTypeDictSubclass, l.PyDictObject.size_);
  SetBase("collections.OrderedDict", "dict", kTypeDictSubclass, l.PyODictObject.size_);
  SetBase("set", "object", 0, l.PySetObject.size_);
  for (const DecoderEntry& entry : DecoderEntries()) {
    if (entry.struct_size != nullptr) SetBase(entry.tp_name, "object", 0, entry.struct_size(l));
  }
  SetBase("_random.Random", "object", 0, 40);
  SetBase("BaseException", "object", kTypeBaseExcSubclass, l.PyBaseExceptionObject.size_);
  Poke<int64_t>(by_name_["BaseException"] + type_layout.tp_dictoffset, l.PyBaseExceptionObject.dict);
  SetBase("OSError", "BaseException", kTypeBaseExcSubclass, l.PyOSErrorObject.size_);
  Poke<int64_t>(by_name_["OSError"] + type_layout.tp_dictoffset, l.PyBaseExceptionObject.dict);
  // OSError_members (Objects/exceptions.c).
  const auto& member = l.PyMemberDef;
  const Address members = Allocate(static_cast<uint64_t>(member.size_) * 3);
  PokePointer(members + member.name, CString("errno"));
  Poke<int32_t>(members + member.type, 6);
  Poke<int64_t>(members + member.offset, l.PyOSErrorObject.myerrno);
  PokePointer(members + member.size_ + member.name, CString("filename"));
  Poke<int32_t>(members + member.size_ + member.type, 6);
  Poke<int64_t>(members + member.size_ + member.offset, l.PyOSErrorObject.filename);
  PokePointer(by_name_["OSError"] + type_layout.tp_members, members);
}

Address TargetHeap::NewStaticType(const std::string& tp_name, Address base, int64_t basic_size) {
  const auto& type_layout = layout().PyTypeObject;
  const Address type = Object(Symbol("PyType_Type"), static_cast<uint64_t>(type_layout.size_));
  PokePointer(type + type_layout.tp_name, CString(tp_name));
  PokePointer(type + type_layout.tp_base, base);
  Poke<uint64_t>(type + type_layout.tp_flags, kTypeReady);
  Poke<int64_t>(type + type_layout.tp_basicsize, basic_size);
  return type;
}

void TargetHeap::SetBase(const char* name, const char* base, uint64_t flags, int64_t basic_size, int64_t item_size) {
  const auto& type_layout = layout().PyTypeObject;
  const Address type = by_name_.at(name);
  PokePointer(type + type_layout.tp_base, by_name_.at(base));
  Poke<uint64_t>(type + type_layout.tp_flags, kTypeReady | flags);
  Poke<int64_t>(type + type_layout.tp_basicsize, basic_size);
  Poke<int64_t>(type + type_layout.tp_itemsize, item_size);
}

Address TargetHeap::Int(int64_t value) {
  uint64_t magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::vector<uint32_t> digits;
  for (; magnitude != 0; magnitude >>= 30) digits.push_back(magnitude & 0x3fffffff);
  return BigInt(value < 0, digits);
}

Address TargetHeap::BigInt(bool negative, const std::vector<uint32_t>& digits) {
  const auto& l = layout().PyLongObject;
  const Address object = Object(Symbol("PyLong_Type"), static_cast<uint64_t>(l.ob_digit) + 4 * digits.size() + 4);
  const int64_t count = static_cast<int64_t>(digits.size());
  if (runtime_.version->decode_long_shape == LongFromTag) {
    Poke<int64_t>(object + l.lv_tag, count << 3 | (count == 0 ? 1 : negative ? 2 : 0));
  } else {
    Poke<int64_t>(object + layout().PyVarObject.ob_size, negative ? -count : count);
  }
  memory_.Write(object + l.ob_digit, digits.data(), 4 * digits.size());
  return object;
}

Address TargetHeap::Float(double value) {
  const Address object = Object(Symbol("PyFloat_Type"), static_cast<uint64_t>(layout().PyFloatObject.size_));
  Poke(object + layout().PyFloatObject.ob_fval, value);
  return object;
}

Address TargetHeap::Complex(double real, double imag) {
  const Address object = Object(Symbol("PyComplex_Type"), static_cast<uint64_t>(layout().PyComplexObject.size_));
  Poke(object + layout().PyComplexObject.cval_real, real);
  Poke(object + layout().PyComplexObject.cval_imag, imag);
  return object;
}

void TargetHeap::PokeUnicodeHeader(Address str, uint64_t length, uint32_t state) {
  constexpr uint32_t kReadyBit = 1 << 7;
  const bool has_ready = runtime_.version->decode_unicode_state == UnicodeStateWithReady;
  Poke(str + layout().PyASCIIObject.length, length);
  Poke<uint32_t>(str + layout().PyASCIIObject.state, state | (has_ready ? kReadyBit : 0));
}

Address TargetHeap::Str(const std::string& ascii) { return Str(Widen(ascii)); }

Address TargetHeap::Str(const std::u32string& text) {
  char32_t widest = 0;
  for (const char32_t c : text) widest = std::max(widest, c);
  const uint32_t kind = widest < 0x100 ? 1 : widest < 0x10000 ? 2 : 4;
  const bool ascii = widest < 0x80;
  const uint64_t header =
      static_cast<uint64_t>(ascii ? layout().PyASCIIObject.size_ : layout().PyCompactUnicodeObject.size_);
  const Address object = Object(Symbol("PyUnicode_Type"), header + (text.size() + 1) * kind);
  PokeUnicodeHeader(object, text.size(), kind << 2 | 1 << 5 | (ascii ? 1 << 6 : 0));
  for (size_t i = 0; i < text.size(); ++i) {
    const uint32_t c = text[i];
    memory_.Write(object + static_cast<int64_t>(header + i * kind), &c, kind);  // little endian
  }
  return object;
}

Address TargetHeap::OutOfLineStr(Address type, const std::u32string& text) {
  const Address object = Object(type, BasicSize(type));
  PokeUnicodeHeader(object, text.size(), 4 << 2);
  const Address data = Allocate(text.size() * 4);
  memory_.Write(data, text.data(), text.size() * 4);
  PokePointer(object + layout().PyUnicodeObject.data, data);
  return object;
}

Address TargetHeap::LegacyStr(const std::u32string& text) {
  if (layout().PyASCIIObject.wstr == kNoOffset) return Address();
  const Address object = Object(Symbol("PyUnicode_Type"), static_cast<uint64_t>(layout().PyUnicodeObject.size_));
  const Address data = Allocate(text.size() * 4);
  memory_.Write(data, text.data(), text.size() * 4);
  PokePointer(object + layout().PyASCIIObject.wstr, data);
  Poke<uint64_t>(object + layout().PyCompactUnicodeObject.wstr_length, text.size());
  return object;
}

Address TargetHeap::Interned(const std::string& text) {
  Address& str = interned_[text];
  if (str.is_null()) str = Str(text);
  return str;
}

Address TargetHeap::Bytes(const std::string& bytes) {
  const auto& l = layout().PyBytesObject;
  const Address object = Object(Symbol("PyBytes_Type"), static_cast<uint64_t>(l.ob_sval) + bytes.size() + 1);
  Poke<uint64_t>(object + layout().PyVarObject.ob_size, bytes.size());
  memory_.Write(object + l.ob_sval, bytes.data(), bytes.size());
  return object;
}

Address TargetHeap::ByteArray(const std::string& bytes) {
  const auto& l = layout().PyByteArrayObject;
  const Address object = Object(Symbol("PyByteArray_Type"), static_cast<uint64_t>(l.size_));
  const Address data = Allocate(bytes.size() + 8);
  memory_.Write(data + 3, bytes.data(), bytes.size());
  Poke<uint64_t>(object + layout().PyVarObject.ob_size, bytes.size());
  PokePointer(object + l.ob_start, data + 3);
  return object;
}

Address TargetHeap::Tuple(const Items& items) {
  const auto& l = layout().PyTupleObject;
  const Address object = Object(Symbol("PyTuple_Type"), static_cast<uint64_t>(l.ob_item) + 8 * items.size());
  Poke<uint64_t>(object + layout().PyVarObject.ob_size, items.size());
  for (size_t i = 0; i < items.size(); ++i) PokePointer(object + l.ob_item + static_cast<int64_t>(i * 8), items[i]);
  return object;
}

Address TargetHeap::List(const Items& items) {
  const auto& l = layout().PyListObject;
  const Address object = Object(Symbol("PyList_Type"), static_cast<uint64_t>(l.size_));
  const Address table = Allocate(8 * items.size() + 8);
  for (size_t i = 0; i < items.size(); ++i) PokePointer(table + static_cast<int64_t>(i * 8), items[i]);
  Poke<uint64_t>(object + layout().PyVarObject.ob_size, items.size());
  Poke<uint64_t>(object + l.allocated, items.size() + 1);
  if (!items.empty()) PokePointer(object + l.ob_item, table);
  return object;
}

Address TargetHeap::Deque(const Items& items, int64_t max_length, int64_t left_index) {
  const auto& l = layout().dequeobject;
  const auto& block_layout = layout()._dequeblock;
  const Address object = Object(by_name_.at("collections.deque"), static_cast<uint64_t>(l.size_));
  Address block = Allocate(static_cast<uint64_t>(block_layout.size_));
  PokePointer(object + l.leftblock, block);
  Poke(object + l.leftindex, left_index);
  Poke(object + l.maxlen, max_length);
  Poke<uint64_t>(object + layout().PyVarObject.ob_size, items.size());
  int64_t index = left_index;
  for (const Address item : items) {
    if (index == kBlockItems) {
      const Address next = Allocate(static_cast<uint64_t>(block_layout.size_));
      PokePointer(block + block_layout.rightlink, next);
      block = next;
      index = 0;
    }
    PokePointer(block + block_layout.data + index++ * 8, item);
  }
  PokePointer(object + l.rightblock, block);
  Poke(object + l.rightindex, index - 1);
  return object;
}

Address TargetHeap::Set(const char* type_symbol, const Items& items) {
  const auto& l = layout().PySetObject;
  const auto& entry = layout().setentry;
  const Address object = Object(Symbol(type_symbol), static_cast<uint64_t>(l.size_));
  const uint64_t slots = uint64_t{1} << Log2(2 * items.size() + 8);
  const Address table = Allocate(slots * static_cast<uint64_t>(entry.size_));
  // The first slot has been deleted: its key is the dummy, its hash -1.
  PokePointer(table + entry.key, None());
  Poke<int64_t>(table + entry.hash, -1);
  for (size_t i = 0; i < items.size(); ++i) {
    const Address slot = table + static_cast<int64_t>(2 * i + 1) * entry.size_;
    PokePointer(slot + entry.key, items[i]);
    Poke<uint64_t>(slot + entry.hash, kFirstHash + i);
  }
  Poke<uint64_t>(object + l.used, items.size());
  Poke<uint64_t>(object + l.fill, items.size() + 1);
  Poke<uint64_t>(object + l.mask, slots - 1);
  PokePointer(object + l.table, table);
  return object;
}

Address TargetHeap::Keys(const Entries& entries, bool general, bool with_values, size_t deleted) {
  const auto& l = layout().PyDictKeysObject;
  const uint64_t used = entries.size() + deleted;
  const uint64_t size = uint64_t{1} << std::max(3, Log2(used * 3 / 2 + 1));
  const bool by_log2 = runtime_.version->read_dict_keys == DictKeysWithLog2Size;
  uint64_t index_bytes = size;  // one byte a slot
  if (size > 0xff) index_bytes = size <= 0xffff ? size * 2 : size * 4;
  const bool with_hash = general || !by_log2;
  const int64_t entry_size = with_hash ? layout().PyDictKeyEntry.size_ : layout().PyDictUnicodeEntry.size_;
  const Offset key_offset = with_hash ? layout().PyDictKeyEntry.me_key : layout().PyDictUnicodeEntry.me_key;
  const Offset value_offset = with_hash ? layout().PyDictKeyEntry.me_value : layout().PyDictUnicodeEntry.me_value;
  const Address keys =
      Allocate(static_cast<uint64_t>(l.dk_indices) + index_bytes + used * static_cast<uint64_t>(entry_size));
  if (by_log2) {
    constexpr uint8_t kUnicode = 1;
    constexpr uint8_t kSplit = 2;
    Poke<uint8_t>(keys + l.dk_log2_size, static_cast<uint8_t>(Log2(size)));
    Poke<uint8_t>(keys + l.dk_log2_index_bytes, static_cast<uint8_t>(Log2(index_bytes)));
    Poke<uint8_t>(keys + l.dk_kind, general ? 0 : with_values ? kUnicode : kSplit);
  } else {
    Poke<uint64_t>(keys + l.dk_size, size);
  }
  Poke<uint64_t>(keys + l.dk_nentries, used);
  Poke<uint64_t>(keys + l.dk_usable, size * 2 / 3 - used);
  Address at = keys + l.dk_indices + static_cast<int64_t>(index_bytes);
  // Deleted entries come first, their values null.
  at = at + static_cast<int64_t>(deleted) * entry_size;
  for (const auto& [key, value] : entries) {
    if (with_hash) Poke<uint64_t>(at + layout().PyDictKeyEntry.me_hash, kFirstHash);
    PokePointer(at + key_offset, key);
    if (with_values) PokePointer(at + value_offset, value);
    at = at + entry_size;
  }
  return keys;
}

Address TargetHeap::Dict(const Entries& entries, bool general, size_t deleted) {
  const auto& l = layout().PyDictObject;
  const Address object = Object(Symbol("PyDict_Type"), static_cast<uint64_t>(l.size_));
  Poke<uint64_t>(object + l.ma_used, entries.size());
  PokePointer(object + l.ma_keys, Keys(entries, general, true, deleted));
  return object;
}

uint64_t TargetHeap::ValuesSize(size_t count) const {
  return static_cast<uint64_t>(std::max(layout().PyDictValues.values, 0)) + count * 9 + 16;
}

// Writes values at `at`, which has room before it for the order as 3.11 and 3.12 have it. Returns where they begin.
Address TargetHeap::Values(Address at, const Items& values) {
  const auto& l = layout().PyDictValues;
  const size_t count = values.size();
  const auto behaviour = runtime_.version->read_split_values;
  Address array = at;
  uint8_t used = 0;
  std::vector<uint8_t> order;
  for (size_t i = 0; i < count; ++i) {
    if (values[i]) order.push_back(static_cast<uint8_t>(i));
  }
  used = static_cast<uint8_t>(order.size());
  if (behaviour == SplitValuesBeforeOrder) {
    Poke<uint8_t>(at + l.capacity, static_cast<uint8_t>(count));
    Poke<uint8_t>(at + l.size, used);
    Poke<uint8_t>(at + l.valid, 1);
    array = at + l.values;
    memory_.Write(array + static_cast<int64_t>(count * 8), order.data(), order.size());
  } else if (behaviour == SplitValuesAfterOrder) {
    const uint8_t prefix = static_cast<uint8_t>(RoundUp(count + 2, 8));
    Poke<uint8_t>(at - 1, prefix);
    Poke<uint8_t>(at - 2, used);
    for (size_t i = 0; i < order.size(); ++i) Poke<uint8_t>(at - 3 - static_cast<int64_t>(i), order[i]);
  }
  for (size_t i = 0; i < count; ++i) PokePointer(array + static_cast<int64_t>(i * 8), values[i]);
  return at;
}

Address TargetHeap::SplitDict(const Entries& entries) {
  const auto& l = layout().PyDictObject;
  const Address object = Object(Symbol("PyDict_Type"), static_cast<uint64_t>(l.size_));
  Items values;
  uint64_t used = 0;
  for (const auto& [key, value] : entries) {
    values.push_back(value);
    if (value) ++used;
  }
  Poke<uint64_t>(object + l.ma_used, used);
  PokePointer(object + l.ma_keys, Keys(entries, false, false, 0));
  PokePointer(object + l.ma_values, Values(Allocate(ValuesSize(values.size())), values));
  return object;
}

Address TargetHeap::OrderedDict(const Entries& entries, const std::vector<size_t>& order) {
  const auto& l = layout().PyODictObject;
  const auto& node_layout = layout()._odictnode;
  const Address object = Object(by_name_.at("collections.OrderedDict"), static_cast<uint64_t>(l.size_));
  Poke<uint64_t>(object + layout().PyDictObject.ma_used, entries.size());
  PokePointer(object + layout().PyDictObject.ma_keys, Keys(entries, false, true, 0));
  Address link = object + l.od_first;
  for (const size_t index : order) {
    const Address node = Allocate(static_cast<uint64_t>(node_layout.size_));
    PokePointer(node + node_layout.key, entries[index].first);
    PokePointer(link, node);
    link = node + node_layout.next;
  }
  return object;
}

Address TargetHeap::Slice(Address start, Address stop, Address step) {
  const auto& l = layout().PySliceObject;
  const Address object = Object(Symbol("PySlice_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.start, start);
  PokePointer(object + l.stop, stop);
  PokePointer(object + l.step, step);
  return object;
}

Address TargetHeap::Range(Address start, Address stop, Address step) {
  const auto& l = layout().rangeobject;
  const Address object = Object(Symbol("PyRange_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.start, start);
  PokePointer(object + l.stop, stop);
  PokePointer(object + l.step, step);
  return object;
}

Address TargetHeap::Module(const Entries& entries) {
  const auto& l = layout().PyModuleObject;
  const Address object = Object(Symbol("PyModule_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.md_dict, Dict(entries));
  return object;
}

Address TargetHeap::Code(const Items& names, const Items& constants) {
  const auto& l = layout().PyCodeObject;
  const Address object = Object(Symbol("PyCode_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.co_names, Tuple(names));
  PokePointer(object + l.co_consts, Tuple(constants));
  return object;
}

Address TargetHeap::Function(Address code, Address globals, const std::string& name) {
  const auto& l = layout().PyFunctionObject;
  const Address object = Object(Symbol("PyFunction_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.func_code, code);
  PokePointer(object + l.func_globals, globals);
  PokePointer(object + l.func_name, Interned(name));
  PokePointer(object + l.func_qualname, Interned(name));
  return object;
}

Address TargetHeap::Method(Address function, Address self) {
  const auto& l = layout().PyMethodObject;
  const Address object = Object(Symbol("PyMethod_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.im_func, function);
  PokePointer(object + l.im_self, self);
  return object;
}

Address TargetHeap::BuiltinFunction(const std::string& name, Address self) {
  const auto& l = layout().PyCFunctionObject;
  const Address object = Object(Symbol("PyCFunction_Type"), static_cast<uint64_t>(l.size_));
  const Address definition = Allocate(static_cast<uint64_t>(layout().PyMethodDef.size_));
  PokePointer(definition + layout().PyMethodDef.ml_name, CString(name));
  PokePointer(object + l.m_ml, definition);
  PokePointer(object + l.m_self, self);
  return object;
}

Address TargetHeap::Descriptor(const char* type_symbol, const std::string& name, Address owner) {
  const auto& l = layout().PyDescrObject;
  const Address object = Object(Symbol(type_symbol), static_cast<uint64_t>(l.size_) + 16);
  PokePointer(object + l.d_name, Interned(name));
  PokePointer(object + l.d_type, owner);
  return object;
}

Address TargetHeap::Cell(Address contents) {
  const Address object = Object(Symbol("PyCell_Type"), static_cast<uint64_t>(layout().PyCellObject.size_));
  PokePointer(object + layout().PyCellObject.ob_ref, contents);
  return object;
}

Address TargetHeap::Exception(Address type, const Items& args) {
  const Address object = Object(type, BasicSize(type) + 64);
  PokePointer(object + layout().PyBaseExceptionObject.args, Tuple(args));
  return object;
}

Address TargetHeap::Traceback(Address next, Address frame, int32_t lasti, int32_t line) {
  const auto& l = layout().PyTracebackObject;
  const Address object = Object(Symbol("PyTraceBack_Type"), static_cast<uint64_t>(l.size_));
  PokePointer(object + l.tb_next, next);
  PokePointer(object + l.tb_frame, frame);
  Poke(object + l.tb_lasti, lasti);
  Poke(object + l.tb_lineno, line);
  return object;
}

Address TargetHeap::Generator(const char* type_symbol, const std::string& name) {
  const auto& l = layout().PyGenObject;
  const Address object = Object(Symbol(type_symbol), static_cast<uint64_t>(l.size_) + 256);
  PokePointer(object + l.gi_name, Interned(name));
  PokePointer(object + l.gi_qualname, Interned(name));
  if (l.gi_frame_state != kNoOffset) {
    constexpr int8_t kCleared = 4;
    constexpr int8_t kClearedFromZero = 5;
    const bool from_zero = runtime_.version->read_generator == GeneratorCreatedAtZero;
    Poke<int8_t>(object + l.gi_frame_state, from_zero ? kClearedFromZero : kCleared);
  }
  return object;
}

uint64_t TargetHeap::BasicSize(Address type) {
  return *memory_.ReadValue<uint64_t>(type + layout().PyTypeObject.tp_basicsize);
}

Address TargetHeap::Class(const std::string& name, Address base, const ClassOptions& options) {
  const auto& tl = layout().PyTypeObject;
  const auto& hl = layout().PyHeapTypeObject;
  const auto& ml = layout().PyMemberDef;
  const Address type = Object(Symbol("PyType_Type"), static_cast<uint64_t>(hl.size_));
  const uint64_t base_size = BasicSize(base);
  const uint64_t base_flags = *memory_.ReadValue<uint64_t>(base + tl.tp_flags);
  const int64_t item_size = *memory_.ReadValue<int64_t>(base + tl.tp_itemsize);
  constexpr uint64_t kInherited = uint64_t{0xff} << 24;
  uint64_t flags = kTypeHeap | kTypeReady | (base_flags & kInherited);

  const Address members = Allocate(static_cast<uint64_t>(ml.size_) * (options.slots.size() + 1));
  uint64_t size = base_size;
  for (size_t i = 0; i < options.slots.size(); ++i) {
    const Address member = members + static_cast<int64_t>(i) * ml.size_;
    PokePointer(member + ml.name, CString(options.slots[i]));
    Poke<int32_t>(member + ml.type, 16);
    Poke<uint64_t>(member + ml.offset, size);
    size += 8;
  }
  int64_t dict_offset = *memory_.ReadValue<int64_t>(base + tl.tp_dictoffset);
  if (options.has_dict && dict_offset == 0) {
    const auto behaviour = runtime_.version->read_instance_attributes;
    if (behaviour == AttributesAtDictOffset || (behaviour == AttributesInTwoPointers && item_size != 0)) {
      dict_offset = item_size != 0 ? -8 : static_cast<int64_t>(size);
      size += 8;
    } else {
      dict_offset = -1;
      flags |= kTypeManagedDict;
      if (behaviour == AttributesInline && item_size == 0 && base == Symbol("PyBaseObject_Type")) {
        flags |= kTypeInlineValues;
      }
      Entries keys;
      for (const std::string& key : options.shared_keys) keys.emplace_back(Interned(key), Address());
      PokePointer(type + hl.ht_cached_keys, Keys(keys, false, false, 0));
      shared_key_counts_[type] = keys.size();
    }
  }
  Entries entries = {{Interned("__module__"), Str(options.module)}};
  entries.insert(entries.end(), options.namespace_entries.begin(), options.namespace_entries.end());
  PokePointer(type + tl.tp_name, CString(name));
  PokePointer(type + tl.tp_base, base);
  PokePointer(type + tl.tp_bases, Tuple({base}));
  PokePointer(type + tl.tp_mro, Tuple({type, base, Symbol("PyBaseObject_Type")}));
  PokePointer(type + tl.tp_dict, Dict(entries));
  PokePointer(type + tl.tp_members, members);
  Poke<uint64_t>(type + tl.tp_flags, flags);
  Poke<uint64_t>(type + tl.tp_basicsize, size);
  Poke<int64_t>(type + tl.tp_itemsize, item_size);
  Poke<int64_t>(type + tl.tp_dictoffset, dict_offset);
  PokePointer(type + hl.ht_name, Interned(name));
  PokePointer(type + hl.ht_qualname, Str("outer." + name));
  return type;
}

Address TargetHeap::Instance(Address type, const std::vector<std::pair<std::string, Address>>& attributes) {
  const uint64_t size = BasicSize(type);
  const auto behaviour = runtime_.version->read_instance_attributes;
  const size_t shared = shared_key_counts_[type];
  const bool in_values = behaviour != AttributesAtDictOffset && attributes.size() == shared;
  const Address object = Object(type, size + (in_values ? ValuesSize(shared) : 0));
  if (!in_values) {
    Entries entries;
    for (const auto& [name, value] : attributes) entries.emplace_back(Interned(name), value);
    SetDict(object, type, size, Dict(entries));
    return object;
  }
  Items values;
  for (const auto& [name, value] : attributes) values.push_back(value);
  const auto& l = layout().PyManagedDict;
  if (behaviour == AttributesInline) {
    Values(object + static_cast<int64_t>(size), values);
  } else {
    const Address at = Values(Allocate(ValuesSize(shared)), values);
    if (behaviour == AttributesInTaggedPointer) {
      PokePointer(object + l.dict, at - 1);
    } else {
      PokePointer(object + l.values, at);
    }
  }
  return object;
}

void TargetHeap::SetDict(Address object, Address type, uint64_t size, Address dict) {
  const int64_t offset = *memory_.ReadValue<int64_t>(type + layout().PyTypeObject.tp_dictoffset);
  const uint64_t flags = *memory_.ReadValue<uint64_t>(type + layout().PyTypeObject.tp_flags);
  if ((flags & kTypeManagedDict) != 0) {
    PokePointer(object + layout().PyManagedDict.dict, dict);
  } else if (offset < 0) {
    PokePointer(object + static_cast<int64_t>(RoundUp(size, 8)) + offset, dict);
  } else {
    PokePointer(object + offset, dict);
  }
}

void TargetHeap::SetSlot(Address object, Address type, size_t index, Address value) {
  const auto& ml = layout().PyMemberDef;
  const Address members = *memory_.ReadPointer(type + layout().PyTypeObject.tp_members);
  const int64_t offset = *memory_.ReadValue<int64_t>(members + static_cast<int64_t>(index) * ml.size_ + ml.offset);
  PokePointer(object + offset, value);
}

}  // namespace pysnap::testing
