#include "snapshotter/objects/registry.h"

#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

#define PYSNAP_SIZE(name) [](const Layout& layout) -> Offset { return layout.name.size_; }

constexpr uint32_t kFixed = kTraitNeverRedacted;

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
    {"Py_GenericAliasType", "types.GenericAlias", DecodeGenericAlias, kFixed},
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
    {"PyListIter_Type", "list_iterator", DecodeListIterator, kFixed},
    {"PyTupleIter_Type", "tuple_iterator", DecodeTupleIterator, kFixed},
    {"PyEnum_Type", "enumerate", DecodeEnumerate, kFixed},
    {"PyZip_Type", "zip", DecodeZip, kFixed},
    {"PyContextVar_Type", "_contextvars.ContextVar", DecodeContextVar, kFixed},
    {nullptr, "_asyncio.Future", DecodeFuture, kFixed, PYSNAP_SIZE(FutureObj)},
    {nullptr, "_asyncio.Task", DecodeTask, kFixed, PYSNAP_SIZE(TaskObj)},
    {nullptr, "BaseException", DecodeException, kFixed},
};

#undef PYSNAP_SIZE

}  // namespace

absl::Span<const DecoderEntry> DecoderEntries() { return kEntries; }

}  // namespace pysnap
