// Code objects: the captured one when its bytecode is this interpreter's, else one with the same names, lines and shape
// that refuses to run.
#include <algorithm>
#include <string>

#include "replay_ext/core/loader.h"
#include "replay_ext/core/opcodes/opcodes.h"

namespace pysnap::replay {
namespace {

// Flags that keep their meaning in every version: OPTIMIZED … NESTED, GENERATOR, COROUTINE, ITERABLE_COROUTINE,
// ASYNC_GENERATOR. The rest is the compiler's.
constexpr unsigned kPortableFlags = 0x3bf;
constexpr size_t kMaxVariables = 1 << 20;
constexpr size_t kMaxCodeBytes = size_t{1} << 28;

Ref BytesObject(Bytes bytes) {
  return Ref(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

uint32_t ArgumentSlots(const Code& code) {
  const uint64_t count = uint64_t{code.arg_count} + code.kwonly_arg_count + ((code.flags & CO_VARARGS) != 0) +
                         ((code.flags & CO_VARKEYWORDS) != 0);
  return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}

}  // namespace

Ref Loader::NameTuple(const Ids& ids) {
  Ref tuple(PyTuple_New(static_cast<Py_ssize_t>(ids.size())));
  if (!tuple) return tuple;
  for (size_t i = 0; i < ids.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), Ref::New(Name(ids[i])).release());
  }
  return tuple;
}

Loader::Variables Loader::SplitVariables(const Code& code) {
  Variables result;
  Ids locals;
  Ids cells;
  Ids frees;
  if (code.variables.size() != code.variable_kinds.size() || code.variables.size() > kMaxVariables) return result;
  for (size_t i = 0; i < code.variables.size(); ++i) {
    const uint8_t kind = static_cast<uint8_t>(code.variable_kinds[i]);
    if (kind & PYSNAP_SLOT_FREE) {
      frees.push_back(code.variables[i]);
      continue;
    }
    if (kind & PYSNAP_SLOT_LOCAL) locals.push_back(code.variables[i]);
    if (kind & PYSNAP_SLOT_CELL) cells.push_back(code.variables[i]);
  }
  if (code.posonly_arg_count > code.arg_count || ArgumentSlots(code) > locals.size()) return result;
  result.locals = NameTuple(locals);
  result.cells = NameTuple(cells);
  result.frees = NameTuple(frees);
  result.ok = result.locals && result.cells && result.frees;
  return result;
}

Ref Loader::NewCode(const Code& code,
                    const Variables& variables,
                    PyObject* bytecode,
                    PyObject* consts,
                    PyObject* names,
                    const std::string& line_table,
                    PyObject* exception_table,
                    unsigned flags,
                    unsigned stack_size) {
  Ref lines = BytesObject(line_table);
  if (!lines || bytecode == nullptr || consts == nullptr || names == nullptr) return Ref();
  const int args = static_cast<int>(code.arg_count);
  const int posonly = static_cast<int>(code.posonly_arg_count);
  const int kwonly = static_cast<int>(code.kwonly_arg_count);
  const int locals = static_cast<int>(PyTuple_GET_SIZE(variables.locals.get()));
#if PY_VERSION_HEX >= 0x030b0000
  Ref arguments(Py_BuildValue("(iiiiiIOOOOOOiOOOO)", args, posonly, kwonly, locals, static_cast<int>(stack_size), flags,
                              bytecode, consts, names, variables.locals.get(), Name(code.filename), Name(code.name),
                              code.first_line, lines.get(), exception_table, variables.frees.get(),
                              variables.cells.get()));
  // qualname stands between name and firstlineno.
  if (arguments) {
    Ref head(PyTuple_GetSlice(arguments.get(), 0, 12));
    Ref middle(PyTuple_Pack(1, Name(code.qualname != 0 ? code.qualname : code.name)));
    Ref tail(PyTuple_GetSlice(arguments.get(), 12, PyTuple_GET_SIZE(arguments.get())));
    Ref front(head && middle ? PySequence_Concat(head.get(), middle.get()) : nullptr);
    arguments = Ref(front && tail ? PySequence_Concat(front.get(), tail.get()) : nullptr);
  }
#else
  (void)exception_table;
  Ref arguments(Py_BuildValue("(iiiiiIOOOOOOiOOO)", args, posonly, kwonly, locals, static_cast<int>(stack_size), flags,
                              bytecode, consts, names, variables.locals.get(), Name(code.filename), Name(code.name),
                              code.first_line, lines.get(), variables.frees.get(), variables.cells.get()));
#endif
  if (!arguments) return Ref();
  return Ref(PyObject_Call(reinterpret_cast<PyObject*>(&PyCode_Type), arguments.get(), nullptr));
}

Loader::BuiltCode Loader::BuildRealCode(const Code& code) {
  BuiltCode built;
  if (code.bytecode_absent.set || code.bytecode.size() > kMaxCodeBytes || code.first_line < 0) return built;
  if (!pysnap_code_is_clean(reinterpret_cast<const uint8_t*>(code.bytecode.data()), code.bytecode.size())) return built;
  // The compiler needs at most a push an instruction; an absurd number would cost memory for each frame.
  if (code.stack_size > 64 + 4 * (code.bytecode.size() / 2)) return built;
  Positions positions;
  if (!DecodeLineTable(LineFormatOf(PY_MINOR_VERSION), code.line_table, code.first_line, code.bytecode.size(),
                       positions)) {
    return built;
  }
  Variables variables = SplitVariables(code);
  if (!variables.ok) return built;
  Ref consts(PyTuple_New(static_cast<Py_ssize_t>(code.constants.size())));
  for (size_t i = 0; consts && i < code.constants.size(); ++i) {
    PyObject* constant = NewGet(code.constants[i]);
    if (constant == nullptr) return built;
    PyTuple_SET_ITEM(consts.get(), static_cast<Py_ssize_t>(i), constant);
  }
  if (!consts || !hash_guard_.Allows(consts.get())) return built;
  Ref bytecode = BytesObject(code.bytecode);
  Ref names = NameTuple(code.names);
  Ref exceptions = BytesObject(code.exception_table);
  Ref made = NewCode(code, variables, bytecode.get(), consts.get(), names.get(), std::string(code.line_table),
                     exceptions.get(), code.flags, code.stack_size);
  if (!made) return built;
  // The slots must be where the captured frames have them.
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(made.get());
  if (pysnap_code_slots(object) != static_cast<int>(code.variables.size())) return built;
  for (size_t i = 0; i < code.variables.size(); ++i) {
    PyObject* name = pysnap_code_slot_name(object, static_cast<int>(i));
    if (name == nullptr || PyUnicode_Compare(name, Name(code.variables[i])) != 0) return built;
  }
  if (!pysnap_code_set_kinds(object, code.variable_kinds.data(), static_cast<Py_ssize_t>(code.variable_kinds.size()))) {
    return built;
  }
  built.code = std::move(made);
  built.real = true;
  return built;
}

Loader::BuiltCode Loader::BuildSyntheticCode(const Code& code, PyObject* raises, bool shift) {
  BuiltCode built;
  Variables variables = SplitVariables(code);
  Code plain = code;
  if (!variables.ok) {
    plain.variables.clear();
    plain.variable_kinds = {};
    plain.arg_count = plain.posonly_arg_count = plain.kwonly_arg_count = 0;
    plain.flags &= ~(CO_VARARGS | CO_VARKEYWORDS);
    variables = SplitVariables(plain);
    if (!variables.ok) return built;
  }
  plain.first_line = std::max(plain.first_line, 0);
  const size_t captured = std::min(code.bytecode.size(), kMaxCodeBytes) & ~size_t{1};
  Positions positions;
  if (!DecodeLineTable(LineFormatOf(source_minor_), code.line_table, plain.first_line, captured, positions)) {
    const Position first{plain.first_line, plain.first_line, Position::kNone, Position::kNone};
    positions.assign(captured / 2, first);
  }
  // MAKE_CELL takes the cell's index among all variables: a celled argument's own, else after the locals.
  std::vector<int> cells;
  const Py_ssize_t local_count = PyTuple_GET_SIZE(variables.locals.get());
  int next = static_cast<int>(local_count);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(variables.cells.get()); ++i) {
    int index = -1;
    for (Py_ssize_t j = 0; j < local_count && index < 0; ++j) {
      // Names are interned.
      if (PyTuple_GET_ITEM(variables.locals.get(), j) == PyTuple_GET_ITEM(variables.cells.get(), i)) {
        index = static_cast<int>(j);
      }
    }
    cells.push_back(index >= 0 ? index : next++);
  }
  const int frees = static_cast<int>(PyTuple_GET_SIZE(variables.frees.get()));
  const size_t prologue = pysnap_code_prologue(nullptr, 0, cells.data(), cells.size(), frees);
  const size_t raise = pysnap_code_raise(nullptr, 0, 1);
  built.shift = shift ? static_cast<int>(prologue) : 0;
  const size_t size = std::max(captured + static_cast<size_t>(built.shift), prologue + raise);
  std::string bytes(size, '\0');
  uint8_t* out = reinterpret_cast<uint8_t*>(bytes.data());
  for (size_t i = 0; i < size; i += 2) out[i] = pysnap_code_nop();
  pysnap_code_prologue(out, size, cells.data(), cells.size(), frees);
  pysnap_code_raise(out + prologue, size - prologue, 1);
  const Position first = positions.empty()
                             ? Position{plain.first_line, plain.first_line, Position::kNone, Position::kNone}
                             : positions.front();
  positions.insert(positions.begin(), static_cast<size_t>(built.shift) / 2, first);
  positions.resize(size / 2, positions.empty() ? first : positions.back());
  Ref bytecode = BytesObject(bytes);
  Ref names = NameTuple(plain.names);
  Ref consts(PyTuple_Pack(2, Py_None, raises));
  Ref no_exceptions = BytesObject({});
  built.code = NewCode(plain, variables, bytecode.get(), consts.get(), names.get(),
                       EncodeLineTable(LineFormatOf(PY_MINOR_VERSION), positions, plain.first_line),
                       no_exceptions.get(), plain.flags & kPortableFlags, 2);
  return built;
}

PyObject* Loader::MakeCode(uint32_t id, const Object& object) {
  const Code code(object.data);
  BuiltCode built;
  if (same_code_) built = BuildRealCode(code);
  if (!built.code) {
    if (!Recover()) return nullptr;
    built =
        BuildSyntheticCode(code, same_code_ ? options_.refused : options_.foreign, !same_code_ && source_minor_ < 11);
  }
  if (!built.code) return nullptr;
  PyObject* made = Ref::New(built.code.get()).release();
  codes_[id] = std::move(built);
  return made;
}

PyObject* Loader::RefusingCode(uint32_t code_id) {
  const auto known = codes_.find(code_id);
  if (known == codes_.end()) return nullptr;
  if (!known->second.real) return known->second.code.get();
  Ref& refusing = refusing_[code_id];
  if (!refusing) {
    Object object;
    object.Decode(file_.objects[code_id]);
    refusing = BuildSyntheticCode(Code(object.data), options_.refused, false).code;
    if (!refusing) PyErr_Clear();
  }
  return refusing.get();
}

PyObject* Loader::FrameCode(uint32_t code_id, uint32_t line, int* shift) {
  *shift = 0;
  const auto known = codes_.find(code_id);
  if (known != codes_.end()) {
    *shift = known->second.shift;
    return Ref::New(known->second.code.get()).release();
  }
  // The code object is absent: a frame at the line that is known.
  Code code;
  code.flags = CO_OPTIMIZED;
  code.first_line = static_cast<int32_t>(std::min<uint32_t>(line, 1 << 30));
  return BuildSyntheticCode(code, options_.refused, false).code.release();
}

}  // namespace pysnap::replay
