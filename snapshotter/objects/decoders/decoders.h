// The decoders' functions, for the registry. What each must do: DecodeFn in registry.h.
#ifndef PYSNAP_OBJECTS_DECODERS_DECODERS_H_
#define PYSNAP_OBJECTS_DECODERS_DECODERS_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/objects/crawl.h"
#include "snapshotter/objects/type_table.h"

namespace pysnap {

#define PYSNAP_DECODER(name) absl::Status name(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out);

// plain.cc
PYSNAP_DECODER(DecodePlain)
PYSNAP_DECODER(DecodeNone)
PYSNAP_DECODER(DecodeEllipsis)
PYSNAP_DECODER(DecodeNotImplemented)
// numbers.cc
PYSNAP_DECODER(DecodeBool)
PYSNAP_DECODER(DecodeInt)
PYSNAP_DECODER(DecodeFloat)
PYSNAP_DECODER(DecodeComplex)
// texts.cc
PYSNAP_DECODER(DecodeStr)
PYSNAP_DECODER(DecodeBytes)
PYSNAP_DECODER(DecodeByteArray)
// sequences.cc
PYSNAP_DECODER(DecodeTuple)
PYSNAP_DECODER(DecodeList)
PYSNAP_DECODER(DecodeDeque)
// sets.cc
PYSNAP_DECODER(DecodeSet)
PYSNAP_DECODER(DecodeFrozenSet)
PYSNAP_DECODER(DecodeSetIterator)
// mappings.cc
PYSNAP_DECODER(DecodeDict)
PYSNAP_DECODER(DecodeOrderedDict)
// slices.cc
PYSNAP_DECODER(DecodeSlice)
PYSNAP_DECODER(DecodeRange)
// types.cc
PYSNAP_DECODER(DecodeType)
// functions.cc
PYSNAP_DECODER(DecodeFunction)
PYSNAP_DECODER(DecodeMethod)
PYSNAP_DECODER(DecodeBuiltinFunction)
PYSNAP_DECODER(DecodeDescriptor)
PYSNAP_DECODER(DecodeMethodWrapper)
PYSNAP_DECODER(DecodeCell)
// modules.cc
PYSNAP_DECODER(DecodeModule)
// execution.cc
PYSNAP_DECODER(DecodeCode)
PYSNAP_DECODER(DecodeFrameObject)
PYSNAP_DECODER(DecodeTraceback)
PYSNAP_DECODER(DecodeGenerator)
PYSNAP_DECODER(DecodeCoroutine)
PYSNAP_DECODER(DecodeAsyncGenerator)
// exceptions.cc
PYSNAP_DECODER(DecodeException)
// dates.cc
PYSNAP_DECODER(DecodeTimeDelta)
PYSNAP_DECODER(DecodeDate)
PYSNAP_DECODER(DecodeTime)
PYSNAP_DECODER(DecodeDateTime)
PYSNAP_DECODER(DecodeTimeZone)
// decimals.cc
PYSNAP_DECODER(DecodeDecimal)
// arrays.cc
PYSNAP_DECODER(DecodeArray)
// iterators.cc
PYSNAP_DECODER(DecodeListIterator)
PYSNAP_DECODER(DecodeTupleIterator)
PYSNAP_DECODER(DecodeSequenceIterator)
PYSNAP_DECODER(DecodeRangeIterator)
PYSNAP_DECODER(DecodeLongRangeIterator)
PYSNAP_DECODER(DecodeDictIterator)
PYSNAP_DECODER(DecodeOrderedDictIterator)
PYSNAP_DECODER(DecodeDequeIterator)
PYSNAP_DECODER(DecodeCallableIterator)
PYSNAP_DECODER(DecodeEnumerate)
PYSNAP_DECODER(DecodeZip)
PYSNAP_DECODER(DecodeMap)
PYSNAP_DECODER(DecodeFilter)
PYSNAP_DECODER(DecodeCount)
PYSNAP_DECODER(DecodeRepeat)
PYSNAP_DECODER(DecodeChain)
PYSNAP_DECODER(DecodeIslice)
PYSNAP_DECODER(DecodeStarMap)
PYSNAP_DECODER(DecodeTee)
PYSNAP_DECODER(DecodeTeeData)
PYSNAP_DECODER(DecodeGroupBy)
PYSNAP_DECODER(DecodeGrouper)
// contexts.cc
PYSNAP_DECODER(DecodeContextVar)
PYSNAP_DECODER(DecodeContext)
// patterns.cc
PYSNAP_DECODER(DecodePattern)
PYSNAP_DECODER(DecodeMatch)
// buffers.cc
PYSNAP_DECODER(DecodeMemoryView)
PYSNAP_DECODER(DecodeBytesIo)
PYSNAP_DECODER(DecodeStringIo)
// combinatorics.cc
PYSNAP_DECODER(DecodeCycle)
PYSNAP_DECODER(DecodeTakeWhile)
PYSNAP_DECODER(DecodeDropWhile)
PYSNAP_DECODER(DecodeFilterFalse)
PYSNAP_DECODER(DecodeCompress)
PYSNAP_DECODER(DecodeAccumulate)
PYSNAP_DECODER(DecodeProduct)
PYSNAP_DECODER(DecodeCombinations)
PYSNAP_DECODER(DecodeCombinationsWithReplacement)
PYSNAP_DECODER(DecodePermutations)
PYSNAP_DECODER(DecodeZipLongest)
PYSNAP_DECODER(DecodePairwise)
PYSNAP_DECODER(DecodeBatched)
// operators.cc
PYSNAP_DECODER(DecodeItemGetter)
PYSNAP_DECODER(DecodeAttrGetter)
PYSNAP_DECODER(DecodeMethodCaller)
PYSNAP_DECODER(DecodeStruct)
// elements.cc
PYSNAP_DECODER(DecodeSimpleQueue)
PYSNAP_DECODER(DecodeElement)
// files.cc
PYSNAP_DECODER(DecodeFileIO)
PYSNAP_DECODER(DecodeBuffered)
PYSNAP_DECODER(DecodeTextIOWrapper)
PYSNAP_DECODER(DecodeSocket)
// numpy_dtype.cc, numpy_arrays.cc
PYSNAP_DECODER(DecodeNumpyDType)
PYSNAP_DECODER(DecodeNumpyArray)
PYSNAP_DECODER(DecodeNumpyScalar)
// torch_tensors.cc
PYSNAP_DECODER(DecodeTorchTensor)
PYSNAP_DECODER(DecodeTorchName)
PYSNAP_DECODER(DecodeTorchDevice)
// locks.cc
PYSNAP_DECODER(DecodeLock)
PYSNAP_DECODER(DecodeRLock)
// parts.cc: types that are a few named objects
PYSNAP_DECODER(DecodeProperty)
PYSNAP_DECODER(DecodeStaticMethod)
PYSNAP_DECODER(DecodeClassMethod)
PYSNAP_DECODER(DecodePartial)
PYSNAP_DECODER(DecodeMappingProxy)
PYSNAP_DECODER(DecodeTupleGetter)
PYSNAP_DECODER(DecodeSuper)
PYSNAP_DECODER(DecodeGenericAlias)
PYSNAP_DECODER(DecodeUnion)
PYSNAP_DECODER(DecodeLruCache)
PYSNAP_DECODER(DecodeLruElement)
PYSNAP_DECODER(DecodeWeakReference)
PYSNAP_DECODER(DecodeDictView)
PYSNAP_DECODER(DecodeZoneInfo)
PYSNAP_DECODER(DecodeFuture)
PYSNAP_DECODER(DecodeTask)
PYSNAP_DECODER(DecodeCoroutineWrapper)
PYSNAP_DECODER(DecodeAsyncGeneratorSend)
PYSNAP_DECODER(DecodeAsyncGeneratorThrow)
PYSNAP_DECODER(DecodeAnextAwaitable)
PYSNAP_DECODER(DecodeFutureIterator)

#undef PYSNAP_DECODER

// Parts of a value (proto::Parts). With touch_only these record nothing.
absl::Status AddPart(Crawl& crawl, const char* name, Address object, Offset field, proto::Object& out);
// A field of a struct, and the part that it becomes.
struct PartField {
  const char* name;
  Offset offset;
};
// Of pointers to objects, which may be null, and of Py_ssize_t.
absl::Status DecodeParts(Crawl& crawl, Address object, std::initializer_list<PartField> parts, proto::Object& out);
absl::Status AddNumbers(Crawl& crawl, Address object, std::initializer_list<PartField> numbers, proto::Object& out);
// The same for an object at hand.
void AddObjectPart(Crawl& crawl, absl::string_view name, Address object, proto::Object& out);
// What stands for one that is not known.
void AddAbsentPart(Crawl& crawl, absl::string_view name, const absl::Status& why, proto::Object& out);
void AddIdPart(Crawl& crawl, absl::string_view name, uint32_t id, proto::Object& out);
// An int that is no more than true or false: a part that is 1, or none. A version may have no such field.
absl::Status AddFlag(Crawl& crawl, const char* name, Address object, Offset field, proto::Object& out);
// Of `count` pointers to objects at `array`, which is a ring of `capacity` of which the first is at `first`: parts with
// the names 0, 1 and so on, as many as the budget allows.
absl::Status AddItemParts(
    Crawl& crawl, Address array, int64_t first, int64_t count, int64_t capacity, proto::Object& out);
absl::Status AddTupleParts(Crawl& crawl, Address tuple, proto::Object& out);
void AddIntPart(Crawl& crawl, const char* name, int64_t value, proto::Object& out);
// An object that is the next of the value's items (proto::Parts.item); may be null.
void AddItem(Crawl& crawl, Address item, proto::Object& out);
// Numbers of one kind, int64 each.
void AddSizesPart(Crawl& crawl, const char* name, absl::Span<const int64_t> sizes, proto::Object& out);
void AddBytesPart(Crawl& crawl, const char* name, absl::string_view value, proto::Object& out);
// `count` items of `item_size` bytes each that lie at `begin`, as they are in memory: as many whole ones as the budget
// allows.
absl::Status AddMemoryPart(
    Crawl& crawl, const char* name, Address begin, uint64_t count, uint64_t item_size, proto::Object& out);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_DECODERS_DECODERS_H_
