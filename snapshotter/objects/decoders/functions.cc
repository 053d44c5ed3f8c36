// What can be called, and cells.
#include <algorithm>
#include <string>
#include <vector>

#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr size_t kMaxNameBytes = 4096;

// The text of a C string that a field of the struct at `holder` points to.
absl::StatusOr<uint32_t> CName(Crawl& crawl, Address holder, Offset field) {
  ASSIGN_OR_RETURN(const Address text, crawl.memory().ReadPointer(holder + field));
  ASSIGN_OR_RETURN(const std::string name, crawl.memory().ReadCString(text, kMaxNameBytes));
  return crawl.String(name);
}

// The objects of a tuple, as far as a function has names for them.
std::vector<uint64_t> ReadTuple(Crawl& crawl, Address tuple, size_t most) {
  std::vector<uint64_t> items;
  if (tuple.is_null()) return items;
  const absl::StatusOr<uint64_t> size = crawl.memory().ReadValue<uint64_t>(tuple + crawl.layout().PyVarObject.ob_size);
  if (!size.ok() || *size > most) return items;
  if (!crawl.memory().ReadArray(tuple + crawl.layout().PyTupleObject.ob_item, *size, items).ok()) items.clear();
  return items;
}

// The code knows the names of what a function keeps in tuples: its cells, and the defaults of its parameters.
absl::Status MarkSecrets(Crawl& crawl, Address object, Address code) {
  const auto& layout = crawl.layout().PyFunctionObject;
  ASSIGN_OR_RETURN(const Address closure, crawl.memory().ReadPointer(object + layout.func_closure));
  ASSIGN_OR_RETURN(const Address defaults, crawl.memory().ReadPointer(object + layout.func_defaults));
  if (!crawl.ChecksNames() || (closure.is_null() && defaults.is_null())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const CodeInfo* info, crawl.ReadCode(code));
  const std::vector<Address>& names = info->variables;
  const auto mark = [&](Address name, uint64_t value) {
    if (value != 0 && crawl.NameAt(name).secret) crawl.MarkSecret(Address(value));
  };
  const std::vector<uint64_t> cells = ReadTuple(crawl, closure, names.size());
  size_t cell = 0;
  for (size_t i = 0; i < names.size() && i < info->variable_kinds.size(); ++i) {
    if ((static_cast<uint8_t>(info->variable_kinds[i]) & kVariableFree) == 0) continue;
    if (cell < cells.size()) mark(names[i], cells[cell]);
    ++cell;
  }
  const size_t parameters = std::min<size_t>(info->arg_count, names.size());
  const std::vector<uint64_t> values = ReadTuple(crawl, defaults, parameters);
  for (size_t i = 0; i < values.size(); ++i) mark(names[parameters - values.size() + i], values[i]);
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeFunction(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyFunctionObject;
  proto::Function& function = *out.mutable_function();
  ASSIGN_OR_RETURN(const Address code, crawl.memory().ReadPointer(object + layout.func_code));
  ASSIGN_OR_RETURN(const Address globals, crawl.memory().ReadPointer(object + layout.func_globals));
  function.set_code(crawl.RefEssential(code));
  // A code object that cannot be read is absent itself.
  (void)MarkSecrets(crawl, object, code);
  function.set_globals(crawl.RefNamespace(globals, NamespaceKind::kGlobals, Address()));
  ASSIGN_OR_RETURN(uint32_t id, crawl.RefField(object, layout.func_name));
  function.set_name(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_qualname));
  function.set_qualname(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_defaults));
  function.set_defaults(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_kwdefaults));
  function.set_kwdefaults(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_closure));
  function.set_closure(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_doc));
  function.set_doc(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_module));
  function.set_module(id);
  ASSIGN_OR_RETURN(const Address annotations, crawl.memory().ReadPointer(object + layout.func_annotations));
  crawl.NoteNames(annotations);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_annotations));
  function.set_annotations(id);
  if (layout.func_annotate != kNoOffset) {
    ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.func_annotate));
    function.set_annotate(id);
  }
  return absl::OkStatus();
}

absl::Status DecodeMethod(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyMethodObject;
  proto::Method& method = *out.mutable_method();
  ASSIGN_OR_RETURN(const uint32_t function, crawl.RefField(object, layout.im_func));
  method.set_function(function);
  ASSIGN_OR_RETURN(const uint32_t self, crawl.RefField(object, layout.im_self));
  method.set_self(self);
  return absl::OkStatus();
}

absl::Status DecodeBuiltinFunction(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyCFunctionObject;
  proto::BuiltinFunction& function = *out.mutable_builtin_function();
  ASSIGN_OR_RETURN(const Address definition, crawl.memory().ReadPointer(object + layout.m_ml));
  ASSIGN_OR_RETURN(const uint32_t name, CName(crawl, definition, crawl.layout().PyMethodDef.ml_name));
  function.set_name(name);
  ASSIGN_OR_RETURN(const uint32_t self, crawl.RefField(object, layout.m_self));
  function.set_self(self);
  ASSIGN_OR_RETURN(const uint32_t module, crawl.RefField(object, layout.m_module));
  function.set_module(module);
  return absl::OkStatus();
}

absl::Status DecodeDescriptor(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDescrObject;
  proto::BuiltinFunction& function = *out.mutable_builtin_function();
  ASSIGN_OR_RETURN(const Address name, crawl.memory().ReadPointer(object + layout.d_name));
  ASSIGN_OR_RETURN(const Address owner, crawl.memory().ReadPointer(object + layout.d_type));
  function.set_objclass(crawl.RefEssential(owner));
  const Name& text = crawl.NameAt(name);
  function.set_name(crawl.StringId(text));
  return text.problem;
}

absl::Status DecodeMethodWrapper(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().wrapperobject;
  proto::BuiltinFunction& function = *out.mutable_builtin_function();
  ASSIGN_OR_RETURN(const Address descriptor, crawl.memory().ReadPointer(object + layout.descr));
  ASSIGN_OR_RETURN(const Address name, crawl.memory().ReadPointer(descriptor + crawl.layout().PyDescrObject.d_name));
  ASSIGN_OR_RETURN(const Address owner, crawl.memory().ReadPointer(descriptor + crawl.layout().PyDescrObject.d_type));
  ASSIGN_OR_RETURN(const uint32_t self, crawl.RefField(object, layout.self));
  function.set_self(self);
  if (crawl.types().CheckIsType(owner).ok()) function.set_objclass(crawl.RefEssential(owner));
  const Name& text = crawl.NameAt(name);
  function.set_name(crawl.StringId(text));
  return text.problem;
}

absl::Status DecodeCell(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const Address contents, crawl.memory().ReadPointer(object + crawl.layout().PyCellObject.ob_ref));
  out.mutable_cell()->set_contents(crawl.RefUnder(crawl.IsMarkedSecret(object), contents));
  return absl::OkStatus();
}

}  // namespace pysnap
