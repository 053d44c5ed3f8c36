#include "snapshotter/cpython/active_contexts.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr int64_t kPointerSize = 8;
// CO_MAXBLOCKS (Include/code.h, to 3.10).
constexpr int32_t kMaxBlocks = 20;
constexpr size_t kMaxConstantLength = 100;
// Of one type of C.
constexpr int kMaxMethods = 1000;

}  // namespace

ContextReader::ContextReader(const Runtime& runtime, Memory& memory, CodeReader& code_reader, FrameWalker& walker)
    : runtime_(runtime),
      memory_(memory),
      code_reader_(code_reader),
      walker_(walker),
      lookup_(runtime, memory),
      texts_{.name = [this](Address str) { return Name(str); },
             .constant = [this](Address constant) { return Constant(constant); }} {}

absl::StatusOr<std::vector<ActiveContext>> ContextReader::Read(const FrameInfo& frame, const FrameInfo* callee) {
  std::vector<ActiveContext> contexts;
  if (frame.lasti < 0 || frame.has_ended) return contexts;
  if (frame.code == nullptr) return absl::DataLossError("its code is not known");
  RETURN_IF_ERROR(frame.code->bytecode_problem);
  const WithBlocks& with = BlocksOf(*frame.code);
  if (with.blocks.empty()) return contexts;
  const auto add = [&](const WithBlock& block, absl::StatusOr<Address> manager) -> ActiveContext& {
    ActiveContext& context = contexts.emplace_back();
    context.line = code_reader_.Position(*frame.code, block.begin).line;
    context.is_async = block.is_async;
    context.target = block.target;
    if (manager.ok()) {
      context.manager = *manager;
    } else {
      context.problem = std::move(manager).status();
    }
    return context;
  };
  const auto method = [](const WithBlock& block) { return block.is_async ? "__aexit__" : "__exit__"; };
  const bool has_block_stack = runtime_.version->opcode_numbers->POP_BLOCK >= 0;
  absl::StatusOr<std::vector<Place>> places =
      has_block_stack ? FromBlockStack(frame, with) : FromExceptionTable(frame, with);
  RETURN_IF_ERROR(places.status());
  for (const Place& place : *places) {
    add(*place.block, Manager(frame, place, method(*place.block), /*is_exiting=*/false));
  }
  if (const WithBlock* block = FindEntry(with, frame.lasti)) {
    add(*block, ManagerOfEntry(frame, callee, with, *block)).is_entering = true;
    return contexts;
  }
  const std::optional<Exit> exit = FindExit(*runtime_.version, with, frame.lasti);
  if (!exit.has_value()) return contexts;
  ASSIGN_OR_RETURN(const std::optional<Place> place, PlaceOfExit(frame, with, *exit));
  if (!place.has_value()) return absl::DataLossError("it is not known which block it leaves");
  const WithBlock& block = *place->block;
  // In 3.8 what calls the exit method takes it from the stack.
  absl::StatusOr<Address> manager = runtime_.version->opcode_numbers->WITH_CLEANUP_START >= 0
                                        ? absl::UnimplementedError("its exit method is not on the stack")
                                        : Manager(frame, *place, method(block), /*is_exiting=*/true);
  if (!manager.ok() || exit->is_awaiting) {
    const absl::StatusOr<Address> other = ManagerOfCall(frame, callee, exit->is_awaiting, method(block));
    if (other.ok()) manager = other;
  }
  add(block, std::move(manager)).is_exiting = true;
  return contexts;
}

const WithBlocks& ContextReader::BlocksOf(const CodeInfo& code) {
  std::unique_ptr<WithBlocks>& blocks = blocks_[code.address];
  if (blocks == nullptr) blocks = std::make_unique<WithBlocks>(FindWithBlocks(*runtime_.version, code, texts_));
  return *blocks;
}

const StackHeights& ContextReader::HeightsOf(const CodeInfo& code) {
  std::unique_ptr<StackHeights>& heights = heights_[code.address];
  if (heights == nullptr) heights = std::make_unique<StackHeights>(*runtime_.version, code);
  return *heights;
}

absl::StatusOr<ContextReader::CallStack> ContextReader::ReadCallStack(const FrameInfo& frame, bool with_called) {
  if (frame.has_ended) return absl::FailedPreconditionError("it has ended");
  if (!frame.problem.ok()) return frame.problem;
  if (frame.code == nullptr || frame.stack_base.is_null()) return absl::DataLossError("its code is not known");
  ASSIGN_OR_RETURN(const std::vector<TryBlock> blocks, ReadBlocks(frame));
  ASSIGN_OR_RETURN(const CallPlace place, HeightsOf(*frame.code).FindCall(frame.lasti, blocks));
  CallStack call;
  std::vector<uint64_t> bits;
  RETURN_IF_ERROR(memory_.ReadArray(frame.stack_base, static_cast<size_t>(place.height), bits));
  for (const uint64_t item : bits) {
    if (const std::optional<int64_t> number = runtime_.version->decode_stack_number(item)) {
      call.numbers.emplace_back(call.stack.size(), *number);
    }
    call.stack.push_back(runtime_.version->decode_stack_ref(item));
  }
  if (!with_called) return call;
  for (int32_t i = 0; i < place.operands; ++i) {
    ASSIGN_OR_RETURN(const Address operand, ReadSlot(frame, place.height + i));
    call.operands.push_back(operand);
    if (place.is_call && call.called.is_null() && i < 2) call.called = operand;
  }
  return call;
}

absl::StatusOr<std::vector<Address>> ContextReader::ReadSureStack(const FrameInfo& frame) {
  int64_t height = 0;
  if (frame.has_ended) return std::vector<Address>();
  if (runtime_.version->opcode_numbers->POP_BLOCK >= 0) {
    ASSIGN_OR_RETURN(const std::vector<TryBlock> blocks, ReadBlocks(frame));
    if (!blocks.empty()) height = blocks.back().level;
  } else if (const ExceptionRange* range = FindRange(BlocksOf(*frame.code).ranges, frame.lasti)) {
    height = range->depth;
  }
  std::vector<Address> stack;
  for (int64_t slot = 0; slot < height; ++slot) {
    ASSIGN_OR_RETURN(const Address value, ReadSlot(frame, slot));
    stack.push_back(value);
  }
  return stack;
}

absl::StatusOr<std::vector<TryBlock>> ContextReader::ReadBlocks(const FrameInfo& frame) {
  std::vector<TryBlock> blocks;
  if (runtime_.version->opcode_numbers->POP_BLOCK < 0) return blocks;
  ASSIGN_OR_RETURN(const int32_t count, BlockCount(frame));
  for (int32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const TryBlock block, ReadTryBlock(frame, i));
    blocks.push_back(block);
  }
  return blocks;
}

absl::StatusOr<int32_t> ContextReader::BlockCount(const FrameInfo& frame) {
  ASSIGN_OR_RETURN(const int32_t count,
                   memory_.ReadValue<int32_t>(frame.address + runtime_.layout.PyFrameObject.f_iblock));
  if (count < 0 || count > kMaxBlocks) return absl::DataLossError(absl::StrFormat("%d blocks in a frame", count));
  return count;
}

absl::StatusOr<TryBlock> ContextReader::ReadTryBlock(const FrameInfo& frame, int32_t index) {
  const auto& layout = runtime_.layout.PyTryBlock;
  if (index < 0 || index >= kMaxBlocks) return absl::DataLossError("no such block");
  const Address at =
      frame.address + runtime_.layout.PyFrameObject.f_blockstack + static_cast<int64_t>(index) * layout.size_;
  TryBlock block;
  ASSIGN_OR_RETURN(block.type, memory_.ReadValue<int32_t>(at + layout.b_type));
  ASSIGN_OR_RETURN(block.handler, memory_.ReadValue<int32_t>(at + layout.b_handler));
  ASSIGN_OR_RETURN(block.level, memory_.ReadValue<int32_t>(at + layout.b_level));
  if (block.level < 0 || block.level > static_cast<int32_t>(frame.code->stack_size)) {
    return absl::DataLossError("a block above the frame's stack");
  }
  // In the units of f_lasti.
  block.handler = static_cast<int32_t>(std::min<int64_t>(int64_t{block.handler} * runtime_.version->lasti_unit,
                                                         static_cast<int64_t>(frame.code->bytecode.size())));
  return block;
}

absl::StatusOr<std::vector<ContextReader::Place>> ContextReader::FromBlockStack(const FrameInfo& frame,
                                                                                const WithBlocks& with) {
  std::vector<Place> places;
  ASSIGN_OR_RETURN(const std::vector<TryBlock> blocks, ReadBlocks(frame));
  for (const TryBlock& block : blocks) {
    if (block.type != runtime_.version->opcode_numbers->SETUP_FINALLY) continue;
    if (const WithBlock* found = with.FindByHandler(block.handler)) places.push_back({found, block.level - 1});
  }
  return places;
}

std::vector<ContextReader::Place> ContextReader::FromExceptionTable(const FrameInfo& frame,
                                                                    const WithBlocks& with) const {
  std::vector<Place> places;
  absl::flat_hash_set<int32_t> seen;
  int32_t at = frame.lasti;
  while (const ExceptionRange* range = FindRange(with.ranges, at)) {
    at = range->handler;
    if (!seen.insert(at).second) break;
    if (const WithBlock* block = with.FindByHandler(at)) places.push_back({block, range->depth - 1});
  }
  std::reverse(places.begin(), places.end());
  return places;
}

absl::StatusOr<std::optional<ContextReader::Place>> ContextReader::PlaceOfExit(const FrameInfo& frame,
                                                                               const WithBlocks& with,
                                                                               const Exit& exit) {
  const int64_t above = exit.kind == Exit::Kind::kNormalWithValue ? 1 : 0;
  if (runtime_.version->opcode_numbers->POP_BLOCK < 0) {
    for (const ExceptionRange& range : with.ranges) {
      if (range.handler == exit.block->handler) return Place{exit.block, range.depth - 1 + above};
    }
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const int32_t count, BlockCount(frame));
  // On an exception another block has taken its place, of the same level; otherwise it was popped last. In 3.8 the same
  // code is there for a body that ends, too.
  int32_t index = count;
  if (exit.kind == Exit::Kind::kException && count > 0) {
    ASSIGN_OR_RETURN(const TryBlock top, ReadTryBlock(frame, count - 1));
    if (top.type != runtime_.version->opcode_numbers->SETUP_FINALLY) index = count - 1;
  }
  ASSIGN_OR_RETURN(const TryBlock left, ReadTryBlock(frame, index));
  const WithBlock* block = exit.block != nullptr ? exit.block : with.FindByHandler(left.handler);
  if (block == nullptr) return std::nullopt;
  return Place{block, left.level - 1 + above};
}

absl::StatusOr<Address> ContextReader::ReadSlot(const FrameInfo& frame, int64_t slot) {
  if (slot < 0 || slot >= static_cast<int64_t>(frame.code->stack_size)) {
    return absl::DataLossError("its exit method would be above the frame's stack");
  }
  ASSIGN_OR_RETURN(const uint64_t bits, memory_.ReadValue<uint64_t>(frame.stack_base + slot * kPointerSize));
  return runtime_.version->decode_stack_ref(bits);
}

absl::StatusOr<Address> ContextReader::Manager(const FrameInfo& frame,
                                               const Place& place,
                                               const char* method,
                                               bool is_exiting) {
  ASSIGN_OR_RETURN(Address value, ReadSlot(frame, place.slot));
  const bool has_self = runtime_.version->opcode_numbers->LOAD_SPECIAL >= 0 && !value.is_null();
  if (runtime_.version->opcode_numbers->LOAD_SPECIAL >= 0 && value.is_null()) {
    // The function and what it is bound to; the latter is null when it is bound already.
    ASSIGN_OR_RETURN(value, ReadSlot(frame, place.slot - 1));
  }
  if (value.is_null()) return absl::UnimplementedError("its exit method is not on the stack");
  ASSIGN_OR_RETURN(const Address bound, BoundTo(value));
  // From 3.14 on what a method is bound to stands by itself, before while it runs (method_vectorcall, classobject.c).
  const bool may_be_itself = has_self || is_exiting;
  ASSIGN_OR_RETURN(const bool fits, HasMethod(bound, method));
  if (bound == value && !may_be_itself) return absl::UnimplementedError(absl::StrCat("its ", method, " is no method"));
  if (!fits) return absl::UnimplementedError(absl::StrCat("its ", method, " is not bound to it"));
  return bound;
}

absl::StatusOr<Address> ContextReader::ManagerOfCall(const FrameInfo& frame,
                                                     const FrameInfo* callee,
                                                     bool is_awaiting,
                                                     const char* method) {
  Address manager;
  if (callee != nullptr) {
    ASSIGN_OR_RETURN(manager, FirstArgument(*callee, method));
  } else if (is_awaiting && frame.stack_known) {
    // A coroutine, below what is no object.
    for (size_t i = frame.stack.size(); i-- > 0 && manager.is_null() && i + 2 >= frame.stack.size();) {
      if (frame.stack[i].is_null()) continue;
      const absl::StatusOr<Address> type = memory_.ReadPointer(frame.stack[i] + runtime_.layout.PyObject.ob_type);
      if (!type.ok() || *type != runtime_.Symbol("PyCoro_Type")) continue;
      ASSIGN_OR_RETURN(const GeneratorInfo coroutine,
                       runtime_.version->read_generator(runtime_, memory_, frame.stack[i]));
      if (coroutine.frame.is_null()) continue;
      ASSIGN_OR_RETURN(manager, FirstArgument(walker_.ReadFrame(coroutine.frame), method));
    }
  }
  if (manager.is_null()) return absl::UnimplementedError(absl::StrCat("its ", method, " is not on the stack"));
  ASSIGN_OR_RETURN(const bool fits, HasMethod(manager, method));
  if (!fits) return absl::UnimplementedError(absl::StrCat("its ", method, " is not on the stack"));
  return manager;
}

absl::StatusOr<Address> ContextReader::ManagerOfEntry(const FrameInfo& frame,
                                                      const FrameInfo* callee,
                                                      const WithBlocks& with,
                                                      const WithBlock& block) {
  const char* exit = block.is_async ? "__aexit__" : "__exit__";
  for (const ExceptionRange& range : with.ranges) {
    if (range.handler != block.handler) continue;
    // The exit method is where it will be, or the manager itself still is there.
    const absl::StatusOr<Address> manager = Manager(frame, {&block, range.depth - 1}, exit, /*is_exiting=*/true);
    if (manager.ok()) return manager;
    break;
  }
  if (block.is_async && frame.stack_known && frame.stack.size() >= 2) {
    // Suspended: below what is waited for.
    const auto slot = static_cast<int64_t>(frame.stack.size()) - 2;
    const absl::StatusOr<Address> manager = Manager(frame, {&block, slot}, exit, /*is_exiting=*/false);
    if (manager.ok()) return manager;
  }
  return ManagerOfCall(frame, callee, block.is_async, block.is_async ? "__aenter__" : "__enter__");
}

absl::StatusOr<Address> ContextReader::BoundTo(Address callable) {
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(callable + runtime_.layout.PyObject.ob_type));
  Address self;
  if (type == runtime_.Symbol("PyMethod_Type")) {
    ASSIGN_OR_RETURN(self, memory_.ReadPointer(callable + runtime_.layout.PyMethodObject.im_self));
  } else if (type == runtime_.Symbol("PyCFunction_Type")) {
    ASSIGN_OR_RETURN(self, memory_.ReadPointer(callable + runtime_.layout.PyCFunctionObject.m_self));
  } else {
    return callable;
  }
  return self.is_null() ? callable : self;
}

absl::StatusOr<Address> ContextReader::FirstArgument(const FrameInfo& frame, const char* function) {
  if (frame.code == nullptr || frame.slots.empty() || frame.code->arg_count == 0) return Address();
  if (Name(frame.code->name) != function) return Address();
  // An argument that inner functions use is in a cell: up to 3.10 in another slot.
  for (size_t i = 0; i < frame.slots.size(); ++i) {
    if (i > 0 && frame.code->variables[i] != frame.code->variables[0]) continue;
    const Address value = frame.slots[i];
    if (value.is_null()) continue;
    ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(value + runtime_.layout.PyObject.ob_type));
    if (type != runtime_.Symbol("PyCell_Type")) return value;
    return memory_.ReadPointer(value + runtime_.layout.PyCellObject.ob_ref);
  }
  return Address();
}

absl::StatusOr<bool> ContextReader::HasMethod(Address object, const char* method) {
  if (object.is_null()) return false;
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type));
  const auto [it, inserted] = has_methods_.try_emplace({type, method}, false);
  if (!inserted) return it->second;
  ASSIGN_OR_RETURN(const std::vector<Address> classes, ReadMro(runtime_, memory_, type));
  for (const Address each : classes) {
    ASSIGN_OR_RETURN(const bool found, Defines(each, method));
    if (found) return has_methods_[{type, method}] = true;
  }
  return false;
}

absl::StatusOr<bool> ContextReader::Defines(Address type, const char* method) {
  const auto& layout = runtime_.layout;
  ASSIGN_OR_RETURN(const Address dict, memory_.ReadPointer(type + layout.PyTypeObject.tp_dict));
  if (!dict.is_null()) {
    ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup_.Items(dict));
    ASSIGN_OR_RETURN(const Address found, lookup_.Find(items, method));
    return !found.is_null();
  }
  // From 3.12 on builtin types have theirs in each interpreter; what they define is in the type all the same.
  ASSIGN_OR_RETURN(Address definition, memory_.ReadPointer(type + layout.PyTypeObject.tp_methods));
  for (int i = 0; i < kMaxMethods && !definition.is_null(); ++i) {
    ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(definition + layout.PyMethodDef.ml_name));
    if (name.is_null()) break;
    ASSIGN_OR_RETURN(const std::string text, memory_.ReadCString(name, kMaxNameLength));
    if (text == method) return true;
    definition = definition + layout.PyMethodDef.size_;
  }
  return false;
}

std::optional<std::string> ContextReader::Name(Address str) {
  absl::StatusOr<std::string> text = ReadText(runtime_, memory_, str);
  return text.ok() ? std::optional(*std::move(text)) : std::nullopt;
}

std::optional<std::string> ContextReader::Constant(Address constant) {
  if (constant == runtime_.Symbol("_Py_NoneStruct")) return "None";
  if (constant == runtime_.Symbol("_Py_TrueStruct")) return "True";
  if (constant == runtime_.Symbol("_Py_FalseStruct")) return "False";
  const absl::StatusOr<Address> type = memory_.ReadPointer(constant + runtime_.layout.PyObject.ob_type);
  if (!type.ok()) return std::nullopt;
  if (*type == runtime_.Symbol("PyLong_Type")) {
    const absl::StatusOr<int64_t> number = lookup_.Signed(constant);
    return number.ok() ? std::optional(absl::StrCat(*number)) : std::nullopt;
  }
  if (*type != runtime_.Symbol("PyUnicode_Type")) return std::nullopt;
  const std::optional<std::string> text = Name(constant);
  if (!text.has_value() || text->size() > kMaxConstantLength) return std::nullopt;
  // Of what would have to be escaped it is not known how it is written.
  const bool plain =
      std::all_of(text->begin(), text->end(), [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
  return plain ? std::optional(absl::StrCat("'", *text, "'")) : std::nullopt;
}

}  // namespace pysnap
