// Crawls heaps that were corrupted: no crash, no hang, no unbounded memory, and two runs that see the same.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "snapshotter/objects/graph_crawler.h"
#include "snapshotter/objects/redaction.h"
#include "tests/support/library_objects.h"
#include "tests/support/numpy_objects.h"
#include "tests/support/target_heap.h"
#include "tests/support/torch_objects.h"

namespace pysnap::testing {
namespace {

// Takes the fuzzer's bytes one by one; zeros when they are used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  uint8_t Byte() { return empty() ? 0 : data_[at_++]; }
  uint64_t Number(int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | Byte();
    return value;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

class CountingSink : public ObjectSink {
 public:
  void OnObject(uint32_t id, proto::Object& object) override {
    if (id != ++objects_) std::abort();
    bytes_ += object.ByteSizeLong();
  }
  void OnString(uint32_t id, absl::string_view) override {
    if (id != ++strings_) std::abort();
  }
  uint64_t objects() const { return objects_; }

 private:
  uint64_t objects_ = 0;
  uint64_t strings_ = 0;
  uint64_t bytes_ = 0;
};

// One object of every kind.
Address ArrayOfRecords(TargetHeap& heap, Address held) {
  const Address number = NumpyDType(heap, NumpyVersion::k2, {});
  const Address object = NumpyDType(heap, NumpyVersion::k2, {.kind = 'O', .number = 17, .item_size = 8, .flags = 1});
  const Address record = NumpyDType(
      heap, NumpyVersion::k2,
      {.kind = 'V', .number = 20, .item_size = 16, .flags = 1, .fields = {{"n", number, 0}, {"o", object, 8}}});
  const Address data = heap.Allocate(32);
  heap.PokePointer(data + 8, held);
  const Address base = NumpyArray(heap, record, data, {2}, {16});
  return heap.List({base, NumpyArray(heap, number, data + 16, {2}, {-16}, base)});
}

Address Tensors(TargetHeap& heap) {
  const torch::TensorLayout& layout = torch::kTensorLayouts[2];
  const Address storage = TorchStorage(heap, layout, "0123456789abcdef");
  const TensorSpec spec = {.layout = &layout, .shape = {1, 1, 1, 1, 2, 2}, .strides = {4, 4, 4, 4, 2, 1}};
  const Address tensor = TorchTensor(heap, storage, spec);
  RequireGradient(heap, tensor, layout, /*old_string=*/false, 1, TorchTensor(heap, storage, spec));
  return heap.List({tensor, TorchTensor(heap, storage, spec)});
}

Address Everything(TargetHeap& heap) {
  const Address x = heap.Int(1);
  const Address text = heap.Str(U"caf\u00e9 \u20ac");
  const Entries entries = {{heap.Interned("__name__"), heap.Str("m")}, {heap.Interned("password"), text}};
  const Address globals = heap.Dict(entries);
  const Address code = heap.Code({heap.Interned("m")}, {x});
  const Address function = heap.Function(code, globals, "f");
  const Address type = heap.Class("C", heap.Symbol("PyBaseObject_Type"), {.slots = {"s"}, .shared_keys = {"a", "b"}});
  Items items = {x,
                 heap.BigInt(true, {1, 2, 3, 4, 5}),
                 heap.Float(1.5),
                 heap.Complex(1, 2),
                 text,
                 heap.OutOfLineStr(heap.Symbol("PyUnicode_Type"), U"out"),
                 heap.LegacyStr(U"legacy"),
                 heap.Bytes("bytes"),
                 heap.ByteArray("array"),
                 heap.Tuple({x, text}),
                 heap.Deque({x, x, text}, -1, 62),
                 heap.Set("PySet_Type", {x, text}),
                 globals,
                 heap.Dict(entries, true, 2),
                 heap.SplitDict(entries),
                 heap.OrderedDict(entries, {1, 0}),
                 heap.Slice(x, x, x),
                 heap.Range(x, x, x),
                 heap.Module(entries),
                 heap.Method(function, x),
                 heap.BuiltinFunction("len", x),
                 heap.Descriptor("PyMethodDescr_Type", "d", type),
                 heap.Cell(x),
                 heap.Exception(heap.StaticType("OSError"), {x}),
                 heap.Traceback(Address(), x, 0, 3),
                 heap.Generator("PyGen_Type", "g"),
                 TimeDelta(heap, 1, 2, 3),
                 DateTime(heap, {7, 0xe8, 2, 29, 1, 2, 3, 0, 0, 4}, text),
                 Decimal(heap, 0, -2, 3, {123}),
                 Array(heap, 'h', 2, "abcd"),
                 ListIterator(heap, heap.List({x}), 0),
                 RangeIterator(heap, 1, 2, 3, 1),
                 SetIterator(heap, heap.Set("PySet_Type", {x, text}), 2, 0, 2),
                 Tee(heap, TeeLink(heap, x, {x, text}, 2, Address()), 1),
                 Grouper(heap, x, text, true),
                 Context(heap, {ContextVariable(heap, "a"), x, ContextVariable(heap, "b"), text}, 2),
                 MemoryView(heap, heap.CString("abcdefghijkl"), 2, {2, 2}, {6, 2}, "h"),
                 BytesIo(heap, heap.Bytes("bytes"), 4, 1),
                 Match(heap, text, text, 2, {0, 1, -1, -1}),
                 RLock(heap, 1, 2),
                 StringIo(heap, U"text", 4, 1),
                 SimpleQueue(heap, {x, text, x}, 1),
                 Element(heap, text, text, globals, {x}),
                 TextFile(heap, BufferedWriter(heap, FileIo(heap, 3, 4), "unwritten", 0, 4), text),
                 Socket(heap, 5, 1),
                 Combinations(heap, heap.Tuple({x, x}), 1, {1}, text),
                 ArrayOfRecords(heap, x),
                 Tensors(heap),
                 heap.Instance(type, {{"a", x}, {"b", text}}),
                 heap.Instance(type, {{"c", x}})};
  return heap.List(items);
}

// Returns how many objects were visited; touches only when there are no `secrets` yet, and fills them.
uint64_t Crawl(
    TargetHeap& heap, Address root, const RedactionRules& rules, CountingSink& sink, std::optional<Secrets>& secrets) {
  CrawlOptions options;
  options.max_objects = 5000;
  options.max_bytes = 1 << 20;
  options.touch_only = !secrets.has_value();
  options.redaction = &rules;
  options.secrets = secrets.has_value() ? &*secrets : nullptr;
  GraphCrawler crawler(heap.runtime(), heap.memory(), options, &sink);
  crawler.Ref(root);
  crawler.RefNamespace(root, NamespaceKind::kWhole, root);
  if (!crawler.Run().ok()) std::abort();
  secrets = crawler.secrets();
  return crawler.object_count();
}

}  // namespace
}  // namespace pysnap::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pysnap;           // NOLINT
  using namespace pysnap::testing;  // NOLINT
  static const RedactionRules kRules = *RedactionRules::Create(true, {});
  Input input(data, size);
  const auto versions = AllVersionSupports();
  const VersionSupport& version = *versions[input.Byte() % versions.size()];
  TargetHeap heap(version, input.Byte() % 2 == 1 && version.debug != nullptr);
  const uint64_t begin = heap.Allocate(0).value();
  const Address root = Everything(heap);
  const uint64_t end = heap.Allocate(0).value();

  while (!input.empty()) {
    const uint8_t operation = input.Byte();
    const Address at(begin + input.Number(2) * 8 % (end - begin));
    switch (operation % 4) {
      case 0:  // a bit
        heap.Poke<uint8_t>(at + operation / 32, static_cast<uint8_t>(input.Byte()));
        break;
      case 1:  // a number
        heap.Poke<uint64_t>(at, input.Number(8));
        break;
      case 2:  // a pointer to somewhere else in the heap
        heap.Poke<uint64_t>(at, begin + input.Number(2) * 8 % (end - begin));
        break;
      case 3:
        if (operation > 224) heap.memory().Unmap(at);
        break;
    }
  }

  std::optional<Secrets> secrets;
  CountingSink sink;
  const uint64_t touched = pysnap::testing::Crawl(heap, root, kRules, sink, secrets);
  const uint64_t decoded = pysnap::testing::Crawl(heap, root, kRules, sink, secrets);
  if (touched != decoded || sink.objects() != decoded) std::abort();
  return 0;
}
