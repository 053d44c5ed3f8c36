// contextvars (Python/context.c): variables, and the contexts that hold their values in a tree (Python/hamt.c).
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// A hash has 32 bits, of which each level takes five; below the last one are those that share a hash.
constexpr int kMaxDepth = 8;
constexpr uint64_t kArrayNodeSize = 32;
// Of all nodes together, and of one. Bounds the time that a corrupted tree can take.
constexpr uint64_t kMaxWords = 1 << 20;

struct Node {
  Address address;
  int depth;
};

// The value of a variable is known by the variable's name.
absl::Status AddVariable(Crawl& crawl, Address variable, Address value, proto::Object& out) {
  AddItem(crawl, variable, out);
  ASSIGN_OR_RETURN(const Address name, crawl.memory().ReadPointer(variable + crawl.layout().PyContextVar.var_name));
  const Name& known = crawl.NameAt(name);
  const uint32_t id = known.problem.ok() ? crawl.RefNamed(known.text, value) : crawl.Ref(value);
  if (!crawl.touch_only()) out.mutable_parts()->add_item(id);
  return absl::OkStatus();
}

// `words`: keys and values in turn, or in place of a key null and a node below.
absl::Status AddPairs(Crawl& crawl,
                      const std::vector<uint64_t>& words,
                      int depth,
                      std::vector<Node>& nodes,
                      uint64_t& count,
                      proto::Object& out) {
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == 0) {
      nodes.push_back({Address(words[i + 1]), depth + 1});
    } else {
      ++count;
      RETURN_IF_ERROR(AddVariable(crawl, Address(words[i]), Address(words[i + 1]), out));
    }
  }
  return absl::OkStatus();
}

absl::Status AddTree(Crawl& crawl, Address root, uint64_t& count, proto::Object& out) {
  const auto& layout = crawl.layout();
  std::vector<Node> nodes = {{root, 0}};
  std::vector<uint64_t> words;
  uint64_t seen = 0;
  while (!nodes.empty()) {
    const Node node = nodes.back();
    nodes.pop_back();
    if (++seen > kMaxWords || node.depth > kMaxDepth) return absl::DataLossError("a tree that is too large");
    ASSIGN_OR_RETURN(const Address type, crawl.memory().ReadPointer(node.address + layout.PyObject.ob_type));
    const std::string& kind = crawl.types().Get(type).name;
    if (kind == "hamt_array_node") {
      const Address array = node.address + layout.PyHamtNode_Array.a_array;
      RETURN_IF_ERROR(crawl.memory().ReadArray(array, kArrayNodeSize, words));
      for (const uint64_t child : words) {
        if (child != 0) nodes.push_back({Address(child), node.depth + 1});
      }
      continue;
    }
    const bool bitmap = kind == "hamt_bitmap_node";
    if (!bitmap && kind != "hamt_collision_node") {
      return absl::DataLossError(absl::StrFormat("a %s in its tree", kind));
    }
    ASSIGN_OR_RETURN(const uint64_t size,
                     crawl.memory().ReadValue<uint64_t>(node.address + layout.PyVarObject.ob_size));
    if (size > (bitmap ? 2 * kArrayNodeSize : kMaxWords)) {
      return absl::DataLossError(absl::StrFormat("%d words in a node of its tree", size));
    }
    const Offset array = bitmap ? layout.PyHamtNode_Bitmap.b_array : layout.PyHamtNode_Collision.c_array;
    if (size == 0) continue;
    seen += size;
    RETURN_IF_ERROR(crawl.memory().ReadArray(node.address + array, size, words));
    RETURN_IF_ERROR(AddPairs(crawl, words, node.depth, nodes, count, out));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeContextVar(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyContextVar;
  return DecodeParts(crawl, object, {{"name", layout.var_name}, {"default", layout.var_default}}, out);
}

// Items: variables, each followed by its value, in no order.
absl::Status DecodeContext(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout();
  out.mutable_parts();
  ASSIGN_OR_RETURN(const Address tree, crawl.memory().ReadPointer(object + layout.PyContext.ctx_vars));
  ASSIGN_OR_RETURN(const Address root, crawl.memory().ReadPointer(tree + layout.PyHamtObject.h_root));
  ASSIGN_OR_RETURN(const uint64_t length, crawl.memory().ReadValue<uint64_t>(tree + layout.PyHamtObject.h_count));
  if (length > 0 && !crawl.CanDescend()) {
    crawl.MarkCut(out, length);
    return absl::OkStatus();
  }
  uint64_t count = 0;
  RETURN_IF_ERROR(AddTree(crawl, root, count, out));
  if (count != length) {
    return absl::DataLossError(absl::StrFormat("%d variables, its length is %d", count, length));
  }
  return absl::OkStatus();
}

}  // namespace pysnap
