#include "snapshotter/cpython/assignment_target.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pysnap {
namespace {

// Bounds what a hostile bytecode can make of it.
constexpr size_t kMaxInstructions = 400;
constexpr size_t kMaxText = 4096;
// Of BINARY_OP, from 3.14 on: NB_SUBSCR (Include/opcode.h).
constexpr uint32_t kSubscript = 26;

// By the argument of LOAD_COMMON_CONSTANT, 3.14 on (Include/internal/pycore_opcode_utils.h).
constexpr const char* kCommonConstants[] = {
    "AssertionError", "NotImplementedError", "tuple", "all", "any", "list", "set", "None", "''", "True", "False", "-1"};

class Reader {
 public:
  Reader(const VersionSupport& version, const CodeInfo& code, const TargetTexts& texts)
      : version_(version), numbers_(*version.opcode_numbers), code_(code), texts_(texts) {}

  // False when it is over: the target is known, or cannot be.
  bool Feed(const Instruction& instruction) {
    const int opcode = instruction.opcode;
    const uint32_t argument = instruction.argument;
    const OpcodeNumbers& n = numbers_;
    if (opcode == n.NOP) return true;
    if (opcode == n.UNPACK_SEQUENCE) return Unpack(argument, 0, false);
    if (opcode == n.UNPACK_EX) return Unpack(argument & 0xff, argument >> 8, true);
    if (opcode == n.STORE_FAST) return Store(Variable(argument));
    if (opcode == n.STORE_DEREF) return Store(Cell(argument));
    if (opcode == n.STORE_NAME || opcode == n.STORE_GLOBAL) return Store(Name(argument));
    if (opcode == n.STORE_FAST_STORE_FAST) return Store(Variable(argument >> 4)) && Store(Variable(argument & 15));
    if (opcode == n.STORE_FAST_LOAD_FAST) return Store(Variable(argument >> 4)) && Push(Variable(argument & 15));
    if (opcode == n.LOAD_FAST || opcode == n.LOAD_FAST_CHECK || opcode == n.LOAD_FAST_BORROW) {
      return Push(Variable(argument));
    }
    if (opcode == n.LOAD_FAST_LOAD_FAST || opcode == n.LOAD_FAST_BORROW_LOAD_FAST_BORROW) {
      return Push(Variable(argument >> 4)) && Push(Variable(argument & 15));
    }
    if (opcode == n.LOAD_DEREF) return Push(Cell(argument));
    if (opcode == n.LOAD_NAME) return Push(Name(argument));
    // From some version on the lowest bit says whether a null is pushed, too, which is so for calls only.
    if (opcode == n.LOAD_GLOBAL) return Push(Name(argument >> version_.load_global_shift));
    if (opcode == n.LOAD_SMALL_INT) return Push(absl::StrCat(argument));
    if (opcode == n.LOAD_COMMON_CONSTANT) return Push(CommonConstant(argument));
    if (opcode == n.LOAD_CONST) return Push(Constant(argument));
    if (opcode == n.LOAD_ATTR) return Push(WithAttribute(Pop(), Name(argument >> version_.load_attr_shift)));
    if (opcode == n.STORE_ATTR) return Store(WithAttribute(Pop(), Name(argument)));
    if (opcode == n.BINARY_SUBSCR || (opcode == n.BINARY_OP && argument == kSubscript && n.BINARY_SUBSCR < 0)) {
      std::optional<std::string> index = Pop();
      return Push(WithIndex(Pop(), std::move(index)));
    }
    if (opcode == n.STORE_SUBSCR) {
      std::optional<std::string> index = Pop();
      return Store(WithIndex(Pop(), std::move(index)));
    }
    if (opcode == n.BUILD_SLICE) return Push(Slice(argument));
    if (opcode == n.STORE_SLICE) {
      std::optional<std::string> slice = Slice(2);
      return Store(WithIndex(Pop(), std::move(slice)));
    }
    failed_ = true;
    return false;
  }

  std::optional<std::string> result() && {
    return done_ && !failed_ ? std::optional(std::move(result_)) : std::nullopt;
  }

 private:
  // A tuple of targets that is being filled.
  struct Tuple {
    size_t wanted;
    size_t star;  // the place of the starred one; wanted: there is none
    std::vector<std::string> targets;
  };
  using Text = std::optional<std::string>;

  bool Fail() {
    failed_ = true;
    return false;
  }

  bool Unpack(size_t before, size_t after, bool starred) {
    if (!stack_.empty() || before + after > kMaxInstructions) return Fail();
    const size_t wanted = before + after + (starred ? 1 : 0);
    if (wanted == 0) return Complete("()");
    tuples_.push_back({wanted, starred ? before : wanted, {}});
    return true;
  }

  bool Store(Text target) {
    if (!target.has_value() || !stack_.empty() || target->size() > kMaxText) return Fail();
    return Complete(*std::move(target));
  }

  // `target` is whole, and maybe the last one of the tuples around it.
  bool Complete(std::string target) {
    while (!tuples_.empty()) {
      Tuple& tuple = tuples_.back();
      tuple.targets.push_back(tuple.targets.size() == tuple.star ? "*" + target : std::move(target));
      if (tuple.targets.size() < tuple.wanted) return true;
      target = absl::StrCat("(", absl::StrJoin(tuple.targets, ", "), tuple.wanted == 1 ? ",)" : ")");
      tuples_.pop_back();
    }
    result_ = std::move(target);
    done_ = true;
    return false;
  }

  bool Push(Text text) {
    if (!text.has_value() || text->size() > kMaxText) return Fail();
    stack_.push_back(*std::move(text));
    return true;
  }

  Text Pop() {
    if (stack_.empty()) return std::nullopt;
    std::string text = std::move(stack_.back());
    stack_.pop_back();
    return text;
  }

  Text Slice(uint32_t parts) {
    if (parts > stack_.size()) return std::nullopt;
    std::vector<std::string> texts(stack_.end() - static_cast<std::ptrdiff_t>(parts), stack_.end());
    stack_.resize(stack_.size() - parts);
    // What is left out is None.
    for (std::string& text : texts) {
      if (text == "None") text.clear();
    }
    return absl::StrJoin(texts, ":");
  }

  static Text WithAttribute(Text object, Text name) {
    if (!object.has_value() || !name.has_value()) return std::nullopt;
    return absl::StrCat(*object, ".", *name);
  }
  static Text WithIndex(Text object, Text index) {
    if (!object.has_value() || !index.has_value()) return std::nullopt;
    return absl::StrCat(*object, "[", *index, "]");
  }

  Text Variable(size_t slot) const {
    return slot < code_.variables.size() ? texts_.name(code_.variables[slot]) : std::nullopt;
  }
  // Cells are counted by themselves where they are no fast variables like all others.
  Text Cell(size_t index) const {
    return Variable(version_.cells_are_fast_variables ? index : size_t{code_.local_count} + index);
  }
  Text Name(size_t index) const { return index < code_.names.size() ? texts_.name(code_.names[index]) : std::nullopt; }
  static Text CommonConstant(size_t index) {
    if (index >= std::size(kCommonConstants)) return std::nullopt;
    return std::string(kCommonConstants[index]);
  }
  Text Constant(size_t index) const {
    return index < code_.constants.size() ? texts_.constant(code_.constants[index]) : std::nullopt;
  }

  const VersionSupport& version_;
  const OpcodeNumbers& numbers_;
  const CodeInfo& code_;
  const TargetTexts& texts_;
  std::vector<std::string> stack_;
  std::vector<Tuple> tuples_;
  std::string result_;
  bool done_ = false;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string> ReadAssignmentTarget(const VersionSupport& version,
                                                const CodeInfo& code,
                                                const std::vector<Instruction>& instructions,
                                                size_t first,
                                                const TargetTexts& texts) {
  Reader reader(version, code, texts);
  const size_t end = std::min(instructions.size(), first + kMaxInstructions);
  for (size_t i = first; i < end; ++i) {
    if (!reader.Feed(instructions[i])) break;
  }
  return std::move(reader).result();
}

}  // namespace pysnap
