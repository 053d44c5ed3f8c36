#include "snapshotter/objects/frame_records.h"

#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/objects/absent.h"

namespace pysnap {
namespace {

// Longer than any identifier or path that a compiler accepts from a sane program.
constexpr size_t kMaxNameBytes = size_t{1} << 20;

proto::Local::Kind KindOf(uint8_t bits, bool is_parameter) {
  if ((bits & kVariableFree) != 0) return proto::Local::FREE;
  if ((bits & kVariableCell) != 0) return proto::Local::CELL;
  if ((bits & kVariableHidden) != 0) return proto::Local::HIDDEN;
  return is_parameter ? proto::Local::ARGUMENT : proto::Local::LOCAL;
}

}  // namespace

const std::string& FrameRecorder::Text(Address str) {
  const auto [it, inserted] = texts_.try_emplace(str);
  if (inserted) {
    absl::StatusOr<std::string> text = ReadText(runtime_, memory_, str, kMaxNameBytes);
    it->second = text.ok() ? *std::move(text) : "?";
  }
  return it->second;
}

const std::string& FrameRecorder::ModuleName(Address globals) {
  const auto [it, inserted] = modules_.try_emplace(globals);
  if (inserted && !globals.is_null()) {
    NameLookup lookup(runtime_, memory_);
    const absl::StatusOr<std::vector<NameLookup::Item>> items = lookup.Items(globals);
    const absl::StatusOr<Address> name = items.ok() ? lookup.Find(*items, "__name__") : items.status();
    const absl::StatusOr<Address> type =
        name.ok() ? memory_.ReadPointer(*name + runtime_.layout.PyObject.ob_type) : name.status();
    if (type.ok() && *type == str_type_) {
      absl::StatusOr<std::string> text = ReadText(runtime_, memory_, *name, kMaxNameBytes);
      if (text.ok()) it->second = *std::move(text);
    }
  }
  return it->second;
}

CodeFiller FrameRecorder::code_filler() {
  return [this](Address code, GraphCrawler& crawler, proto::Code& out) { return FillCode(code, crawler, out); };
}

FrameFiller FrameRecorder::frame_filler() {
  return [this](Address frame, GraphCrawler& crawler, proto::Frame& out) {
    Fill(walker_.ReadFrame(frame), crawler, out);
    return absl::OkStatus();
  };
}

void FrameRecorder::Fill(const FrameInfo& info, GraphCrawler& crawler, proto::Frame& out, const FrameInfo* callee) {
  out.set_address(info.address.value());
  out.set_lasti(info.lasti);
  out.set_is_entry(info.is_entry);
  out.set_has_ended(info.has_ended);
  if (info.code != nullptr) {
    out.set_code(crawler.RefEssential(info.code->address));
    const SourcePosition& position = info.position;
    if (position.line > 0) {
      out.set_line(static_cast<uint32_t>(position.line));
      if (position.end_line > 0) out.set_end_line(static_cast<uint32_t>(position.end_line));
      if (position.column >= 0) out.set_column_plus_1(static_cast<uint32_t>(position.column) + 1);
      if (position.end_column >= 0) out.set_end_column_plus_1(static_cast<uint32_t>(position.end_column) + 1);
    }
  }
  if (!info.problem.ok()) SetAbsent(info.problem, *out.mutable_absent());
  if (info.code == nullptr) return;
  out.set_function(crawler.RefEssential(info.function));
  if (const std::string& module = ModuleName(info.globals); !module.empty()) out.set_module(crawler.String(module));
  if (options_.no_locals) {
    out.mutable_context_absent()->set_reason(proto::Absent::NOT_FOLLOWED);
    out.mutable_context_absent()->set_detail("--no-locals");
    return;
  }
  const Address code = info.code->address;
  FillLocals(info, crawler, out);
  if (!info.local_namespace.is_null()) {
    out.set_namespace_(crawler.RefNamespace(info.local_namespace, NamespaceKind::kWhole, code));
  }
  FillStack(info, callee, crawler, out);
  FillContexts(info, callee, crawler, out);
  out.set_globals(crawler.RefNamespace(info.globals, NamespaceKind::kGlobals, code));
  out.set_builtins(crawler.RefNamespace(info.builtins, NamespaceKind::kBuiltins, code));
}

void FrameRecorder::FillStack(const FrameInfo& info,
                              const FrameInfo* callee,
                              GraphCrawler& crawler,
                              proto::Frame& out) {
  const auto add = [&](const std::vector<Address>& stack, const std::vector<std::pair<size_t, int64_t>>& numbers) {
    for (const Address item : stack) out.add_stack(crawler.Ref(item));
    for (const auto& [index, value] : numbers) {
      proto::StackNumber& number = *out.add_stack_number();
      number.set_index(static_cast<uint32_t>(index));
      number.set_value(value);
    }
  };
  out.set_has_hidden_caller(info.has_hidden_caller);
  // A frame that runs does not know the height of its stack, or (from 3.14 on) counts what a call is about to take.
  const bool through_c = callee != nullptr && callee->is_entry;
  const absl::StatusOr<ContextReader::CallStack> call = contexts_.ReadCallStack(info, through_c);
  if (call.ok()) {
    add(call->stack, call->numbers);
    if (!call->called.is_null()) out.set_called(crawler.Ref(call->called));
    for (const Address operand : call->operands) out.add_call_operand(crawler.Ref(operand));
    out.set_stack_below_call(true);
  } else if (info.stack_known) {
    add(info.stack, info.stack_numbers);
    out.set_stack_complete(true);
  } else if (const absl::StatusOr<std::vector<Address>> stack = contexts_.ReadSureStack(info); stack.ok()) {
    add(*stack, {});
    SetAbsent(call.status(), *out.mutable_stack_absent());
  }
  if (const absl::StatusOr<std::vector<TryBlock>> blocks = contexts_.ReadBlocks(info); blocks.ok()) {
    for (const TryBlock& block : *blocks) {
      proto::Block& record = *out.add_block();
      record.set_type(block.type);
      record.set_handler(block.handler);
      record.set_level(block.level);
    }
  }
}

void FrameRecorder::FillContexts(const FrameInfo& info,
                                 const FrameInfo* callee,
                                 GraphCrawler& crawler,
                                 proto::Frame& out) {
  const absl::StatusOr<std::vector<ActiveContext>> contexts = contexts_.Read(info, callee);
  if (!contexts.ok()) return SetAbsent(contexts.status(), *out.mutable_context_absent());
  for (const ActiveContext& context : *contexts) {
    proto::Context& record = *out.add_context();
    record.set_manager(context.problem.ok() ? crawler.Ref(context.manager) : crawler.RefUnknown(context.problem));
    if (context.target.has_value()) record.set_target(crawler.String(*context.target));
    if (context.line > 0) record.set_line(static_cast<uint32_t>(context.line));
    record.set_is_async(context.is_async);
    record.set_is_exiting(context.is_exiting);
    record.set_is_entering(context.is_entering);
  }
}

void FrameRecorder::FillLocals(const FrameInfo& info, GraphCrawler& crawler, proto::Frame& out) {
  const uint32_t parameters = info.code->parameter_count();
  for (uint32_t slot = 0; slot < info.slots.size(); ++slot) {
    Address value = info.slots[slot];
    const bool torn = slot == info.torn_slot;
    if (value.is_null() && !torn) continue;
    const auto bits = static_cast<uint8_t>(info.code->variable_kinds[slot]);
    const std::string& name = Text(info.code->variables[slot]);
    proto::Local& local = *out.add_local();
    local.set_name(crawler.String(name));
    local.set_slot(slot);
    local.set_kind(KindOf(bits, slot < parameters));
    if ((bits & (kVariableCell | kVariableFree)) != 0) {
      // Without a cell object a celled argument still holds its plain value (until MAKE_CELL has run, 3.11+).
      const absl::StatusOr<Address> type = memory_.ReadPointer(value + runtime_.layout.PyObject.ob_type);
      if (type.ok() && *type == cell_type_) {
        local.set_cell(crawler.RefNamed(name, value));
        const absl::StatusOr<Address> contents = memory_.ReadPointer(value + runtime_.layout.PyCellObject.ob_ref);
        value = contents.value_or(Address());
      }
    }
    local.set_value(torn ? crawler.RefTorn() : crawler.RefNamed(name, value));
  }
}

absl::Status FrameRecorder::FillCode(Address address, GraphCrawler& crawler, proto::Code& out) {
  ASSIGN_OR_RETURN(const CodeInfo* code, code_reader_.Read(address));
  const uint32_t name = crawler.String(Text(code->name));
  out.set_name(name);
  out.set_qualname(code->qualname.is_null() ? name : crawler.String(Text(code->qualname)));
  out.set_filename(crawler.String(Text(code->filename)));
  out.set_first_line(code->first_line);
  out.set_arg_count(code->arg_count);
  out.set_posonly_arg_count(code->posonly_arg_count);
  out.set_kwonly_arg_count(code->kwonly_arg_count);
  out.set_stack_size(code->stack_size);
  out.set_flags(code->flags);
  out.set_bytecode(code->bytecode);
  if (!code->bytecode_problem.ok()) SetAbsent(code->bytecode_problem, *out.mutable_bytecode_absent());
  for (const Address constant : code->constants) out.add_constant(crawler.RefConstant(constant));
  for (const Address used : code->names) out.add_name_ref(crawler.String(Text(used)));
  for (const Address variable : code->variables) out.add_variable(crawler.String(Text(variable)));
  out.set_variable_kind(code->variable_kinds);
  out.set_line_table(code->line_table);
  out.set_exception_table(code->exception_table);
  out.set_local_count(code->local_count);
  out.set_cell_count(code->cell_count);
  return absl::OkStatus();
}

}  // namespace pysnap
