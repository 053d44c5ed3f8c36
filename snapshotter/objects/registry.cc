#include "snapshotter/objects/registry.h"

#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

#define PYSNAP_SIZE(name) [](const Layout& layout) -> Offset { return layout.name.size_; }

constexpr uint32_t kFixed = kTraitNeverRedacted;

// Debug builds have two members more from 3.14 on (fail_after_count, fail_after_exc; Modules/_sre/sre.h).
Offset DebugPatternSize(const Layout& layout) { return layout.PatternObject.size_ + 8; }
// In the course of 3.13 the struct of a lock became a PyMutex and a list of weak references (Modules/_threadmodule.c).
Offset MutexLockSize(const Layout& layout) {
  return layout.lockobject.lock == kNoOffset ? kNoOffset : layout.lockobject.lock + 8;
}

constexpr DecoderEntry kEntries[] = {
    {"PyBaseObject_Type", "object", DecodePlain, kTraitPlain},
    {"_PyNone_Type", "NoneType", DecodeNone, kFixed},
    {"PyEllipsis_Type", "ellipsis", DecodeEllipsis, kFixed},
    {"_PyNotImplemented_Type", "NotImplementedType", DecodeNotImplemented, kFixed},
    {"PyBool_Type", "bool", DecodeBool, kFixed},
    {"PyLong_Type", "int", DecodeInt},
    {"PyFloat_Type", "float", DecodeFloat},
    {"PyComplex_Type", "complex", DecodeComplex},
    {"PyUnicode_Type", "str", DecodeStr, kTraitText},
    {"PyBytes_Type", "bytes", DecodeBytes, kTraitText},
    {"PyByteArray_Type", "bytearray", DecodeByteArray, kTraitText},
    {"PyTuple_Type", "tuple", DecodeTuple},
    {"PyList_Type", "list", DecodeList},
    {nullptr, "collections.deque", DecodeDeque, kTraitNone, PYSNAP_SIZE(dequeobject)},
    {"PySet_Type", "set", DecodeSet},
    {"PyFrozenSet_Type", "frozenset", DecodeFrozenSet},
    {"PyDict_Type", "dict", DecodeDict},
    {"PyODict_Type", "collections.OrderedDict", DecodeOrderedDict},
    {"PyDictProxy_Type", "mappingproxy", DecodeMappingProxy},
    {"PyDictKeys_Type", "dict_keys", DecodeDictView},
    {"PyDictValues_Type", "dict_values", DecodeDictView},
    {"PyDictItems_Type", "dict_items", DecodeDictView},
    {"PySlice_Type", "slice", DecodeSlice},
    {"PyRange_Type", "range", DecodeRange},
    {"PyType_Type", "type", DecodeType, kFixed | kTraitOwnsDict},
    {"PyModule_Type", "module", DecodeModule, kFixed | kTraitOwnsDict},
    {"PyFunction_Type", "function", DecodeFunction, kFixed},
    {"PyMethod_Type", "method", DecodeMethod, kFixed},
    {"PyCFunction_Type", "builtin_function_or_method", DecodeBuiltinFunction, kFixed},
    {"PyCMethod_Type", "builtin_method", DecodeBuiltinFunction, kFixed},
    {"PyMethodDescr_Type", "method_descriptor", DecodeDescriptor, kFixed},
    {"PyClassMethodDescr_Type", "classmethod_descriptor", DecodeDescriptor, kFixed},
    {"PyMemberDescr_Type", "member_descriptor", DecodeDescriptor, kFixed},
    {"PyGetSetDescr_Type", "getset_descriptor", DecodeDescriptor, kFixed},
    {"PyWrapperDescr_Type", "wrapper_descriptor", DecodeDescriptor, kFixed},
    {"_PyMethodWrapper_Type", "method-wrapper", DecodeMethodWrapper, kFixed},
    {"PyProperty_Type", "property", DecodeProperty, kFixed},
    {"PyStaticMethod_Type", "staticmethod", DecodeStaticMethod, kFixed},
    {"PyClassMethod_Type", "classmethod", DecodeClassMethod, kFixed},
    {"PySuper_Type", "super", DecodeSuper, kFixed},
    {nullptr, "functools.partial", DecodePartial, kFixed, PYSNAP_SIZE(partialobject)},
    {nullptr, "functools._lru_cache_wrapper", DecodeLruCache, kFixed, PYSNAP_SIZE(lru_cache_object)},
    {"Py_GenericAliasType", "types.GenericAlias", DecodeGenericAlias, kFixed},
    {"_PyUnion_Type", "types.UnionType", DecodeUnion, kFixed},
    {nullptr, "typing.Union", DecodeUnion, kFixed},  // 3.14 on
    {"_PyWeakref_RefType", "weakref", DecodeWeakReference, kFixed},
    {"_PyWeakref_ProxyType", "weakproxy", DecodeWeakReference, kFixed},
    {"_PyWeakref_CallableProxyType", "weakcallableproxy", DecodeWeakReference, kFixed},
    {"PyCell_Type", "cell", DecodeCell, kTraitHolder},
    {"PyCode_Type", "code", DecodeCode, kFixed},
    {"PyFrame_Type", "frame", DecodeFrameObject, kFixed},
    {"PyTraceBack_Type", "traceback", DecodeTraceback, kFixed},
    {"PyGen_Type", "generator", DecodeGenerator, kFixed},
    {"PyCoro_Type", "coroutine", DecodeCoroutine, kFixed},
    {"PyAsyncGen_Type", "async_generator", DecodeAsyncGenerator, kFixed},
    {nullptr, "datetime.timedelta", DecodeTimeDelta, kTraitNone, PYSNAP_SIZE(PyDateTime_Delta)},
    {nullptr, "datetime.date", DecodeDate, kTraitNone, PYSNAP_SIZE(PyDateTime_Date)},
    {nullptr, "datetime.time", DecodeTime, kTraitNone, PYSNAP_SIZE(PyDateTime_Time)},
    {nullptr, "datetime.datetime", DecodeDateTime, kTraitNone, PYSNAP_SIZE(PyDateTime_DateTime)},
    {nullptr, "datetime.timezone", DecodeTimeZone, kTraitNone, PYSNAP_SIZE(PyDateTime_TimeZone)},
    {nullptr, "decimal.Decimal", DecodeDecimal, kTraitNone, PYSNAP_SIZE(PyDecObject)},
    {nullptr, "array.array", DecodeArray, kTraitNone, PYSNAP_SIZE(arrayobject)},
    {"PyMemoryView_Type", "memoryview", DecodeMemoryView},
    {nullptr, "_io.BytesIO", DecodeBytesIo, kTraitNone, PYSNAP_SIZE(bytesio)},
    {nullptr, "re.Pattern", DecodePattern, kTraitNone, PYSNAP_SIZE(PatternObject)},
    {nullptr, "re.Pattern", DecodePattern, kTraitNone, DebugPatternSize},
    {nullptr, "re.Match", DecodeMatch, kTraitNone, PYSNAP_SIZE(MatchObject)},
    {nullptr, "_thread.lock", DecodeLock, kFixed, PYSNAP_SIZE(lockobject)},
    {nullptr, "_thread.lock", DecodeLock, kFixed, MutexLockSize},
    {nullptr, "_thread.RLock", DecodeRLock, kFixed, PYSNAP_SIZE(rlockobject)},
    {"PyListIter_Type", "list_iterator", DecodeListIterator},
    {"PyListRevIter_Type", "list_reverseiterator", DecodeSequenceIterator},
    {"PyTupleIter_Type", "tuple_iterator", DecodeTupleIterator},
    {"PySeqIter_Type", "iterator", DecodeSequenceIterator},
    {"PyReversed_Type", "reversed", DecodeSequenceIterator},
    {"PyUnicodeIter_Type", "str_iterator", DecodeSequenceIterator},
    {"_PyUnicodeASCIIIter_Type", "str_ascii_iterator", DecodeSequenceIterator},
    {"PyBytesIter_Type", "bytes_iterator", DecodeSequenceIterator},
    {"PyByteArrayIter_Type", "bytearray_iterator", DecodeSequenceIterator},
    {"PyRangeIter_Type", "range_iterator", DecodeRangeIterator},
    {"PyLongRangeIter_Type", "longrange_iterator", DecodeLongRangeIterator},
    {"PyDictIterKey_Type", "dict_keyiterator", DecodeDictIterator},
    {"PyDictIterValue_Type", "dict_valueiterator", DecodeDictIterator},
    {"PyDictIterItem_Type", "dict_itemiterator", DecodeDictIterator},
    {"PyDictRevIterKey_Type", "dict_reversekeyiterator", DecodeDictIterator},
    {"PyDictRevIterValue_Type", "dict_reversevalueiterator", DecodeDictIterator},
    {"PyDictRevIterItem_Type", "dict_reverseitemiterator", DecodeDictIterator},
    {"PySetIter_Type", "set_iterator", DecodeSetIterator},
    {"PyCallIter_Type", "callable_iterator", DecodeCallableIterator},
    {"PyEnum_Type", "enumerate", DecodeEnumerate},
    {"PyZip_Type", "zip", DecodeZip},
    {"PyMap_Type", "map", DecodeMap},
    {"PyFilter_Type", "filter", DecodeFilter},
    {nullptr, "itertools.count", DecodeCount, kTraitNone, PYSNAP_SIZE(countobject)},
    {nullptr, "itertools.repeat", DecodeRepeat, kTraitNone, PYSNAP_SIZE(repeatobject)},
    {nullptr, "itertools.chain", DecodeChain, kTraitNone, PYSNAP_SIZE(chainobject)},
    {nullptr, "itertools.islice", DecodeIslice, kTraitNone, PYSNAP_SIZE(isliceobject)},
    {nullptr, "itertools.starmap", DecodeStarMap, kTraitNone, PYSNAP_SIZE(starmapobject)},
    {"PyContextVar_Type", "_contextvars.ContextVar", DecodeContextVar, kFixed},
    {nullptr, "_asyncio.Future", DecodeFuture, kFixed, PYSNAP_SIZE(FutureObj)},
    {nullptr, "_asyncio.Task", DecodeTask, kFixed, PYSNAP_SIZE(TaskObj)},
    {nullptr, "BaseException", DecodeException, kFixed},
};

#undef PYSNAP_SIZE

}  // namespace

absl::Span<const DecoderEntry> DecoderEntries() { return kEntries; }

}  // namespace pysnap
