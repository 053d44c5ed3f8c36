// Builtin values, containers, and instances of rebuilt classes.
#include <cstdint>

#include "replay_ext/core/loader.h"
#if PY_VERSION_HEX < 0x030c0000
#include <structmember.h>
#endif

namespace pysnap::replay {
namespace {

PyObject* NewFrom(PyTypeObject* type, Ref value) {
  if (!value) return nullptr;
  Ref args(PyTuple_Pack(1, value.get()));
  return args ? type->tp_new(type, args.get(), nullptr) : nullptr;
}

PyObject* BigInt(Bytes bytes) {
  return _PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), /*little_endian=*/1,
                               /*is_signed=*/1);
}

PyObject* Text(Bytes bytes) {
  const Py_ssize_t size = static_cast<Py_ssize_t>(bytes.size());
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), size, nullptr);
  if (text != nullptr || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return text;
  PyErr_Clear();
  return PyUnicode_DecodeUTF8(bytes.data(), size, "surrogatepass");
}

void SetType(PyObject* object, PyTypeObject* type) {
#if PY_VERSION_HEX >= 0x03090000
  Py_SET_TYPE(object, type);
#else
  Py_TYPE(object) = type;
#endif
}

// Adds to a set, or to a frozenset that nobody has hashed yet: both are a PySetObject (Include/cpython/setobject.h),
// and PySet_Add refuses a frozenset that something refers to already.
int AddToSet(PyObject* set, PyObject* item) {
  PyTypeObject* type = Py_TYPE(set);
  if (!PyFrozenSet_Check(set)) return PySet_Add(set, item);
  SetType(set, &PySet_Type);
  const int result = PySet_Add(set, item);
  SetType(set, type);
  return result;
}

bool IsOrdered(PyTypeObject* type) { return PyType_IsSubtype(type, &PyODict_Type); }

// Whether it is a tuple or a list that waits for items.
bool HasGaps(PyObject* value) {
  if (!PyTuple_Check(value) && !PyList_CheckExact(value)) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); ++i) {
    if (PySequence_Fast_GET_ITEM(value, i) == nullptr) return true;
  }
  return false;
}

}  // namespace

PyTypeObject* Loader::ClassOf(uint32_t type_id) {
  if (type_id == 0 || type_id >= made_.size() || made_[type_id] == nullptr || !PyType_Check(made_[type_id])) {
    return nullptr;
  }
  return reinterpret_cast<PyTypeObject*>(made_[type_id]);
}

// A value of `base` or, if `type` is a rebuilt or known subclass of it, of that. A type that is something else is a
// contradiction, and the builtin value is what is certain.
PyObject* Loader::MakeScalar(uint32_t id, const Object& object, PyTypeObject* type) {
  Ref value;
  switch (object.kind) {
    case ValueKind::kSingleton:
      value = Ref::New(object.number == 2 ? Py_Ellipsis : object.number == 3 ? Py_NotImplemented : Py_None);
      return value.release();
    case ValueKind::kBool:
      return PyBool_FromLong(object.number != 0);
    case ValueKind::kInt:
      value = Ref(PyLong_FromLongLong(object.number));
      break;
    case ValueKind::kBigInt:
      value = Ref(BigInt(object.data));
      break;
    case ValueKind::kFloat:
      value = Ref(PyFloat_FromDouble(object.real));
      break;
    case ValueKind::kComplex: {
      const Complex complex(object.data);
      value = Ref(PyComplex_FromDoubles(complex.real, complex.imag));
      break;
    }
    case ValueKind::kStr:
      value = Ref(Text(object.data));
      break;
    default: {
      const Py_ssize_t size = static_cast<Py_ssize_t>(object.data.size());
      value = Ref(type != nullptr && PyType_IsSubtype(type, &PyByteArray_Type)
                      ? PyByteArray_FromStringAndSize(object.data.data(), size)
                      : PyBytes_FromStringAndSize(object.data.data(), size));
      break;
    }
  }
  if (!value) return nullptr;
  if (object.absent.set) {
    // A beginning is not the value: it is kept, but cannot be taken for the whole.
    Ref absent = NewAbsent(object.absent, object.type);
    if (absent) PyObject_SetAttrString(absent.get(), "value", value.get());
    if (absent && !object.tail.empty()) {
      const Py_ssize_t size = static_cast<Py_ssize_t>(object.tail.size());
      Ref tail(object.kind == ValueKind::kStr ? Text(object.tail)
                                              : PyBytes_FromStringAndSize(object.tail.data(), size));
      if (tail) PyObject_SetAttrString(absent.get(), "tail", tail.get());
    }
    return absent.release();
  }
  PyTypeObject* base = Py_TYPE(value.get());
  if (type != base && FindImported(object.type) != nullptr) {
    Ref values(Py_BuildValue("{sO}", "value", value.get()));
    PyObject* made = MakeImported(id, object, std::move(values));
    if (made != nullptr || PyErr_Occurred()) return made;
  }
  if (type == nullptr || type == base || !IsRebuilt(type) || !PyType_IsSubtype(type, base)) return value.release();
  if (base == &PyByteArray_Type) {
    Ref made(NewInstance(type));
    if (!made || PyByteArray_Resize(made.get(), PyByteArray_GET_SIZE(value.get())) < 0) return nullptr;
    object.data.copy(PyByteArray_AS_STRING(made.get()), object.data.size());
    return made.release();
  }
  return NewFrom(type, std::move(value));
}

PyObject* Loader::MakeSequence(const Object& object, PyTypeObject* type) {
  const Sequence sequence(object.data);
  const Py_ssize_t count = static_cast<Py_ssize_t>(sequence.items.size()) + (object.absent.set ? 1 : 0);
  PyTypeObject* base = nullptr;
  switch (sequence.kind) {
    case Sequence::kTuple:
      base = &PyTuple_Type;
      break;
    case Sequence::kList:
      base = &PyList_Type;
      break;
    case Sequence::kSet:
      base = &PySet_Type;
      break;
    case Sequence::kFrozenset:
      base = &PyFrozenSet_Type;
      break;
    case Sequence::kDeque: {
      Ref key(Py_BuildValue("(ss)", "collections", "deque"));
      PyObject* deque = key ? PyDict_GetItem(options_.known_types, key.get()) : nullptr;
      if (deque == nullptr || !PyType_Check(deque)) break;
      base = reinterpret_cast<PyTypeObject*>(deque);
      break;
    }
    default:
      break;
  }
  if (base == nullptr)
    return NewAbsent("unsupported", "a kind of container this version does not know", object.type).release();
  const bool subclass = type != nullptr && type != base && PyType_IsSubtype(type, base);
  PyTypeObject* cls = subclass ? type : base;
  if (base == &PyTuple_Type && subclass && !IsRebuilt(type)) return MakeStructSequence(sequence, type);
  if (base == &PyTuple_Type) return subclass ? cls->tp_alloc(cls, count) : PyTuple_New(count);
  if (base == &PyList_Type && !subclass) return PyList_New(count);
  if (cls == &PyFrozenSet_Type) {
    // Up to 3.9 all empty frozensets are one object, which must not be filled.
    PyObject* made = PySet_New(nullptr);
    if (made != nullptr) SetType(made, &PyFrozenSet_Type);
    return made;
  }
  return sequence.kind == Sequence::kDeque ? MakeDeque(object, base, cls) : NewInstance(cls);
}

PyObject* Loader::MakeDeque(const Object& object, PyTypeObject* base, PyTypeObject* cls) {
  Ref made(NewInstance(cls));
  if (!made) return nullptr;
  for (const Attribute& attribute : object.attributes) {
    if (PyUnicode_CompareWithASCIIString(Name(attribute.name), "maxlen") != 0) continue;
    if (attribute.value == 0 || attribute.value >= file_.objects.size()) continue;
    Object number;
    number.Decode(file_.objects[attribute.value]);
    if (number.kind != ValueKind::kInt) continue;
    Ref length(MakeScalar(0, number, &PyLong_Type));
    Ref arguments(length ? PyTuple_Pack(2, empty_tuple_.get(), length.get()) : nullptr);
    if (!arguments || base->tp_init(made.get(), arguments.get(), nullptr) < 0) return nullptr;
  }
  return made.release();
}

// time.struct_time and the like. Behind the items may be fields that have only a name.
PyObject* Loader::MakeStructSequence(const Sequence& sequence, PyTypeObject* type) {
  const auto count = [type](const char* name) {
    Ref names = TypeDict(type);
    PyObject* number = names ? PyDict_GetItemString(names.get(), name) : nullptr;
    return number != nullptr && PyLong_Check(number) ? PyLong_AsSsize_t(number) : -1;
  };
  const Py_ssize_t visible = count("n_sequence_fields");
  const Py_ssize_t all = count("n_fields");
  if (visible < 0 || visible != static_cast<Py_ssize_t>(sequence.items.size())) {
    return NewAbsent("unsupported", "this version has it with other fields", 0).release();
  }
  Ref made(PyStructSequence_New(type));
  for (Py_ssize_t i = visible; made && i < all; ++i) {
    PyStructSequence_SetItem(made.get(), i, NewAbsent("not followed", "it has no place in the sequence", 0).release());
  }
  return made.release();
}

void Loader::FillSequence(PyObject* made, const Object& object) {
  const Sequence sequence(object.data);
  Py_ssize_t at = 0;
  const auto put = [&](PyObject* item) {
    if (PyTuple_Check(made)) {
      if (at < PyTuple_GET_SIZE(made) && PyTuple_GET_ITEM(made, at) == nullptr) {
        PyTuple_SET_ITEM(made, at, item);
        item = nullptr;
      }
    } else if (PyList_CheckExact(made)) {
      if (at < PyList_GET_SIZE(made) && PyList_GET_ITEM(made, at) == nullptr) {
        PyList_SET_ITEM(made, at, item);
        item = nullptr;
      }
    } else {
      PyList_Append(made, item);
    }
    Py_XDECREF(item);
    ++at;
  };
  for (const uint32_t id : sequence.items) put(NewGet(id));
  if (object.absent.set) put(NewAbsent(object.absent, 0).release());
}

bool Loader::Hashable(PyObject* object) { return hash_guard_.Allows(object); }

Ref Loader::KeyStandIn(PyObject* key) {
  PyErr_Clear();
  Ref absent = NewAbsent("inconsistent", "it cannot be hashed", 0);
  if (absent) PyObject_SetAttrString(absent.get(), "value", key);
  return absent;
}

void Loader::FillFrozenset(PyObject* made, const Object& object) { FillSet(made, object); }

void Loader::FillSet(PyObject* made, const Object& object) {
  const Sequence sequence(object.data);
  Ref marker = object.absent.set ? NewAbsent(object.absent, 0) : Ref();
  if (!PyAnySet_Check(made)) {
    // A deque.
    Ref items(PyList_New(0));
    for (const uint32_t id : sequence.items) PyList_Append(items.get(), Get(id));
    if (marker) PyList_Append(items.get(), marker.get());
    Ref bound(PyObject_CallMethod(made, "extend", "O", items.get()));
    return;
  }
  for (const uint32_t id : sequence.items) {
    PyObject* item = Get(id);
    if (!Hashable(item) || AddToSet(made, item) < 0) {
      Ref stand_in = KeyStandIn(item);
      if (stand_in) AddToSet(made, stand_in.get());
    }
  }
  if (marker) AddToSet(made, marker.get());
}

PyObject* Loader::MakeMapping(const Object& object, PyTypeObject* type) {
  if (type == nullptr || type == &PyDict_Type || !PyType_IsSubtype(type, &PyDict_Type)) return PyDict_New();
  (void)object;
  return NewInstance(type);
}

void Loader::FillMapping(PyObject* made, const Object& object) {
  if (!PyDict_Check(made)) return;
  const Mapping mapping(object.data);
  const bool ordered = IsOrdered(Py_TYPE(made));
  const auto set = [&](PyObject* key, PyObject* value) {
    return ordered ? PyODict_SetItem(made, key, value) : PyDict_SetItem(made, key, value);
  };
  for (size_t i = 0; i < mapping.keys.size(); ++i) {
    PyObject* key = Get(mapping.keys[i]);
    PyObject* value = Get(i < mapping.values.size() ? mapping.values[i] : 0);
    if ((!PyUnicode_CheckExact(key) && !Hashable(key)) || set(key, value) < 0) {
      Ref stand_in = KeyStandIn(key);
      if (stand_in) set(stand_in.get(), value);
    }
  }
  if (object.absent.set) {
    // A key that is a str as well: a namespace is sorted by whoever lists it.
    Ref marker = NewAbsent(object.absent, 0);
    Ref key(marker ? PyObject_Repr(marker.get()) : nullptr);
    if (key) set(key.get(), marker.get());
  }
  if (mapping.omitted != 0 && globals_.count(made) != 0) partial_.emplace_back(made, mapping.omitted);
}

PyObject* Loader::MakeSlice(const Object& object) {
  const Slice slice(object.data);
  if (!slice.is_range) return PySlice_New(Get(slice.start), Get(slice.stop), Get(slice.step));
  PyObject* parts[] = {Get(slice.start), Get(slice.stop), Get(slice.step)};
  for (PyObject* part : parts) {
    if (!PyLong_CheckExact(part)) return NewAbsent("inconsistent", "a range of something else", object.type).release();
  }
  return PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyRange_Type), parts[0], parts[1], parts[2],
                                      nullptr);
}

// An instance without a builtin value.
PyObject* Loader::MakeInstance(uint32_t id, const Object& object, PyTypeObject* type) {
  if (FindImported(object.type) != nullptr) {
    PyObject* made = MakeImported(id, object, Ref(PyDict_New()));
    if (made != nullptr || PyErr_Occurred()) return made;
  }
  if (type == nullptr) return NewAbsent("unknown", "its type is not in the file", object.type).release();
  if (type == &PyBaseObject_Type) return PyBaseObject_Type.tp_alloc(type, 0);
  if (!IsRebuilt(type)) {
    // Of this interpreter's own types only some are made of nothing but attributes.
    if (PySequence_Contains(options_.plain_types, reinterpret_cast<PyObject*>(type)) != 1) {
      if (!object.absent.set) return NewAbsent("unsupported", "", object.type).release();
      return NewAbsent(object.absent, object.type).release();
    }
  }
  if (object.absent.set && object.absent.reason != 3) {
    // Torn, unreadable …: what is there of it is on the stand-in.
    return NewAbsent(object.absent, object.type).release();
  }
  // A known one may have a __new__ in Python, which wants arguments.
  PyObject* made = IsRebuilt(type) || type->tp_base != &PyBaseObject_Type
                       ? NewInstance(type)
                       : PyBaseObject_Type.tp_new(type, empty_tuple_.get(), nullptr);
  // One written in C wants some, too: what was not decoded cannot be made.
  if (made == nullptr && object.absent.set && Recover()) made = NewAbsent(object.absent, object.type).release();
  return made;
}

void Loader::FillDict(PyObject* made, const Object& object) {
  PyObject* dict = object.dict != 0 ? Get(object.dict) : nullptr;
  if (dict == nullptr || !PyDict_Check(dict) || PyModule_Check(made) || PyType_Check(made)) return;
  PyObject_GenericSetAttr(made, dict_name_.get(), dict);
  if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Clear();
    PyObject_GenericSetDict(made, dict, nullptr);
  }
  PyErr_Clear();
}

void Loader::FillAttributes(PyObject* made, const Object& object) {
  PyTypeObject* type = Py_TYPE(made);
  const bool stand_in = reinterpret_cast<PyObject*>(type) == options_.absent;
  Ref own;
  if (stand_in) {
    // Absent.attributes
    own = Ref(PyDict_New());
    if (own) PyObject_SetAttrString(made, "attributes", object.dict != 0 ? Get(object.dict) : own.get());
    PyErr_Clear();
  } else {
    FillDict(made, object);
  }
  if (PyType_Check(made) || PyModule_Check(made)) return;
  if (PyTuple_Check(made) && type != &PyTuple_Type && !IsRebuilt(type)) return FillHiddenFields(made, object);
  for (const Attribute& attribute : object.attributes) {
    PyObject* value = Get(attribute.value);
    if (own) {
      PyDict_SetItem(own.get(), Name(attribute.name), value);
    } else {
      PyObject_GenericSetAttr(made, Name(attribute.name), value);
    }
    PyErr_Clear();
  }
}

// Those of a struct sequence that are attributes and no items.
void Loader::FillHiddenFields(PyObject* made, const Object& object) {
  if (Py_TYPE(made)->tp_members == nullptr) return;
  for (const PyMemberDef* member = Py_TYPE(made)->tp_members; member->name != nullptr; ++member) {
    const Py_ssize_t index = (member->offset - static_cast<Py_ssize_t>(offsetof(PyTupleObject, ob_item))) /
                             static_cast<Py_ssize_t>(sizeof(PyObject*));
    if (index < PyTuple_GET_SIZE(made)) continue;
    for (const Attribute& attribute : object.attributes) {
      if (PyUnicode_CompareWithASCIIString(Name(attribute.name), member->name) != 0) continue;
      PyObject* old = PyStructSequence_GetItem(made, index);
      PyStructSequence_SetItem(made, index, NewGet(attribute.value));
      Py_XDECREF(old);
    }
  }
}

PyObject* Loader::MakeParts(uint32_t id, const Object& object, PyTypeObject* type) {
  const Parts parts(object.data);
  Ref values(PyDict_New());
  if (!values) return nullptr;
  bool has_gaps = false;
  for (const Attribute& part : parts.parts) {
    FillPart(part.value);
    PyObject* value = Get(part.value);
    PyDict_SetItem(values.get(), Name(part.name), value);
    has_gaps = has_gaps || HasGaps(value) || (PyDict_CheckExact(value) && !(state_[part.value] & kFilled));
  }
  for (const IntPart& part : parts.ints) {
    Ref number(PyLong_FromLongLong(part.value));
    if (number) PyDict_SetItem(values.get(), Name(part.name), number.get());
  }
  for (const BytesPart& part : parts.byte_strings) {
    Ref bytes(PyBytes_FromStringAndSize(part.value.data(), static_cast<Py_ssize_t>(part.value.size())));
    if (bytes) PyDict_SetItem(values.get(), Name(part.name), bytes.get());
  }
  if (!parts.items.empty()) {
    Ref items(PyList_New(static_cast<Py_ssize_t>(parts.items.size())));
    if (!items) return nullptr;
    for (size_t i = 0; i < parts.items.size(); ++i) {
      PyList_SET_ITEM(items.get(), static_cast<Py_ssize_t>(i), NewItem(parts.items[i]));
    }
    PyDict_SetItemString(values.get(), "items", items.get());
    item_lists_[id] = std::move(items);
  }
  if (FindImported(object.type) != nullptr) {
    // Where parts are missing it gets none: some types have but one value.
    PyObject* made = MakeImported(id, object, object.absent.set ? Ref(PyDict_New()) : Ref::New(values.get()));
    if (made != nullptr || PyErr_Occurred()) return made;
  }
  if (object.absent.set) {
    Ref absent = NewAbsent(object.absent, object.type);
    if (absent) PyObject_SetAttrString(absent.get(), "attributes", values.get());
    return absent.release();
  }
  // The namespace of a rebuilt class is still empty: its constructor is that of the type it extends.
  PyTypeObject* own = type;
  while (own != nullptr && IsRebuilt(own)) own = own->tp_base;
  if (own != nullptr) {
    PyObject* builder = PyDict_GetItem(options_.part_builders, reinterpret_cast<PyObject*>(own));
    const bool keeps = PySequence_Contains(options_.keeping_types, reinterpret_cast<PyObject*>(own)) == 1;
    if (builder != nullptr && (keeps || !has_gaps)) {
      Ref made(PyObject_CallFunctionObjArgs(builder, type, values.get(), nullptr));
      if (made && (type == own || Py_TYPE(made.get()) == type)) return made.release();
      if (!made && !Recover()) return nullptr;
    }
  }
  if (PyObject* make = FindStandIn(object.type); make != nullptr) {
    PyObject* made = PyObject_CallFunctionObjArgs(make, values.get(), nullptr);
    if (made != nullptr) return made;
    if (!Recover()) return nullptr;
  }
  Ref absent = NewAbsent("unsupported", "pysnap cannot rebuild this type yet", object.type);
  if (absent) PyObject_SetAttrString(absent.get(), "attributes", values.get());
  return absent.release();
}

// A null pointer among items of C is None for whoever asks for it.
PyObject* Loader::NewItem(uint32_t id) {
  if (id != 0) return NewGet(id);
  Py_INCREF(Py_None);
  return Py_None;
}

void Loader::FillItems(uint32_t id, const Object& object) {
  const auto found = item_lists_.find(id);
  if (found == item_lists_.end()) return;
  const Parts parts(object.data);
  for (size_t i = 0; i < parts.items.size(); ++i) {
    PyList_SetItem(found->second.get(), static_cast<Py_ssize_t>(i), NewItem(parts.items[i]));
  }
}

PyObject* Loader::MakeImported(uint32_t id, const Object& object, Ref values) {
  if (!values) return nullptr;
  for (const Attribute& attribute : object.attributes) {
    PyDict_SetDefault(values.get(), Name(attribute.name), Get(attribute.value));
  }
  PyObject* made = PyObject_CallFunctionObjArgs(FindImported(object.type), values.get(), nullptr);
  if (made != nullptr) {
    imported_.insert(id);
  } else {
    Recover();
  }
  return made;
}

PyObject* Loader::FindImported(uint32_t type_id) {
  if (PyDict_Size(options_.imported) == 0 || type_id == 0 || type_id >= file_.objects.size()) return nullptr;
  const auto [known, inserted] = imported_of_.try_emplace(type_id, nullptr);
  if (!inserted) return known->second;
  Object object;
  object.Decode(file_.objects[type_id]);
  if (object.kind != ValueKind::kType) return nullptr;
  const Type type(object.data);
  Ref key(PyTuple_Pack(2, Name(type.module), Name(type.qualname)));
  return known->second = key ? PyDict_GetItem(options_.imported, key.get()) : nullptr;
}

// By the type, or else the nearest one that it extends.
PyObject* Loader::FindStandIn(uint32_t type_id) {
  const auto [known, inserted] = stand_in_of_.try_emplace(type_id, nullptr);
  if (!inserted) return known->second;
  constexpr size_t kMaxTypes = 64;
  Object object;
  Ids types = {type_id};
  for (size_t i = 0; i < types.size() && i < kMaxTypes; ++i) {
    if (types[i] == 0 || types[i] >= file_.objects.size()) continue;
    object.Decode(file_.objects[types[i]]);
    if (object.kind != ValueKind::kType) continue;
    const Type type(object.data);
    Ref key(PyTuple_Pack(2, Name(type.module), Name(type.qualname)));
    PyObject* found = key ? PyDict_GetItem(options_.stand_ins, key.get()) : nullptr;
    if (found != nullptr) return known->second = found;
    types.insert(types.end(), type.bases.begin(), type.bases.end());
  }
  return nullptr;
}

}  // namespace pysnap::replay
