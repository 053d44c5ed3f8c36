// A small piece of target memory that a test lays objects out in.
#ifndef PYSNAP_TESTS_UNIT_CPYTHON_ARENA_H_
#define PYSNAP_TESTS_UNIT_CPYTHON_ARENA_H_

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/memory/memory.h"

namespace pysnap::testing {

class Arena : public Memory {
 public:
  static constexpr uint64_t kBase = 0x10000;

  explicit Arena(size_t size = 1 << 20) : bytes_(size) {}

  absl::Status Read(Address address, absl::Span<std::byte> out) override {
    const uint64_t offset = address.value() - kBase;
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return UnreadableError(address);
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }

  Address Allocate(size_t size) {
    const Address address(kBase + next_);
    next_ += (size + 15) / 16 * 16;
    return address;
  }

  template <typename T>
  void Put(Address address, T value) {
    std::memcpy(bytes_.data() + (address.value() - kBase), &value, sizeof(T));
  }

 private:
  std::vector<std::byte> bytes_;
  size_t next_ = 16;
};

// The least of a runtime that code objects and frames need, for one version and build.
class FakeRuntime {
 public:
  FakeRuntime(const VersionSupport& version, const Layout& layout, Arena& arena) : arena_(arena) {
    runtime.version = &version;
    runtime.layout = layout;
    for (const char* name : {"PyCode_Type", "PyBytes_Type", "PyTuple_Type", "PyFrame_Type", "PyCell_Type"}) {
      runtime.symbols[name] = arena.Allocate(512);
    }
    runtime.symbols["_Py_NoneStruct"] = Object("PyCell_Type", 64);
    runtime.py_runtime = arena.Allocate(1 << 12);
    runtime.evaluation_loop = {Address(0x5000), 0x100};
  }

  // Puts a pointer into a field; without effect where the version has no such field.
  void Set(Address object, Offset field, Address value) {
    if (field != kNoOffset) arena_.Put(object + field, value.value());
  }
  template <typename T>
  void SetValue(Address object, Offset field, T value) {
    if (field != kNoOffset) arena_.Put(object + field, value);
  }

  Address Object(const char* type, size_t size) {
    const Address object = arena_.Allocate(size);
    Set(object, runtime.layout.PyObject.ob_type, runtime.Symbol(type));
    return object;
  }
  Address Bytes(const std::string& contents) {
    const Address object = Object("PyBytes_Type", 64 + contents.size());
    arena_.Put<int64_t>(object + runtime.layout.PyVarObject.ob_size, static_cast<int64_t>(contents.size()));
    for (size_t i = 0; i < contents.size(); ++i) {
      arena_.Put(object + runtime.layout.PyBytesObject.ob_sval + static_cast<int64_t>(i), contents[i]);
    }
    return object;
  }
  Address Tuple(std::initializer_list<Address> items) {
    const Address object = Object("PyTuple_Type", 64 + items.size() * 8);
    arena_.Put<int64_t>(object + runtime.layout.PyVarObject.ob_size, static_cast<int64_t>(items.size()));
    int64_t offset = runtime.layout.PyTupleObject.ob_item;
    for (const Address item : items) {
      arena_.Put(object + offset, item.value());
      offset += 8;
    }
    return object;
  }

  // def f(a): …  with the local `b` and the free variable `c`, on line 7, with `units` code units of zeros.
  Address Code(int units = 16, size_t room = 256) {
    const auto& layout = runtime.layout.PyCodeObject;
    const Address code = Object("PyCode_Type", static_cast<size_t>(layout.size_) + room);
    const Address a = Object("PyCell_Type", 64);
    const Address b = Object("PyCell_Type", 64);
    const Address c = Object("PyCell_Type", 64);
    SetValue<int32_t>(code, layout.co_argcount, 1);
    SetValue<int32_t>(code, layout.co_nlocals, 2);
    SetValue<int32_t>(code, layout.co_stacksize, 4);
    SetValue<int32_t>(code, layout.co_flags, kCodeOptimized | kCodeNewLocals);
    SetValue<int32_t>(code, layout.co_firstlineno, 7);
    Set(code, layout.co_name, a);
    Set(code, layout.co_filename, b);
    Set(code, layout.co_qualname, c);
    Set(code, layout.co_consts, Tuple({runtime.Symbol("_Py_NoneStruct")}));
    Set(code, layout.co_names, Tuple({}));
    Set(code, layout.co_varnames, Tuple({a, b}));
    Set(code, layout.co_cellvars, Tuple({}));
    Set(code, layout.co_freevars, Tuple({c}));
    Set(code, layout.co_localsplusnames, Tuple({a, b, c}));
    Set(code, layout.co_localspluskinds, Bytes("\x20\x20\x80"));
    Set(code, layout.co_lnotab, Bytes(""));
    Set(code, layout.co_linetable, Bytes(""));
    Set(code, layout.co_exceptiontable, Bytes(""));
    Set(code, layout.co_code, Bytes(std::string(static_cast<size_t>(units) * 2, '\0')));
    if (layout.co_code_adaptive != kNoOffset) {
      arena_.Put<int64_t>(code + runtime.layout.PyVarObject.ob_size, units);
    }
    return code;
  }

  // Code whose bytecode is in memory as `bytes`.
  Address CodeWith(const std::string& bytes) {
    const Address code = Code(static_cast<int>(bytes.size() / 2), bytes.size());
    if (runtime.layout.PyCodeObject.co_code_adaptive == kNoOffset) {
      Set(code, runtime.layout.PyCodeObject.co_code, Bytes(bytes));
      return code;
    }
    const Address start = code + runtime.layout.PyCodeObject.co_code_adaptive;
    for (size_t i = 0; i < bytes.size(); ++i) arena_.Put(start + static_cast<int64_t>(i), bytes[i]);
    return code;
  }

  // A frame of `code` at its `unit`th code unit, with the slots `a`, none, `c`.
  Address Frame(Address code, int unit, Address a, Address c) {
    const auto& old_layout = runtime.layout.PyFrameObject;
    const auto& layout = runtime.layout._PyInterpreterFrame;
    if (layout.localsplus == kNoOffset) {
      const Address frame = Object("PyFrame_Type", 1024);
      Set(frame, old_layout.f_code, code);
      SetValue<int32_t>(frame, old_layout.f_lasti, unit * 2 / runtime.version->lasti_unit);
      SetValue<int32_t>(frame, old_layout.f_stackdepth, -1);
      PutSlots(frame + old_layout.f_localsplus, a, c);
      return frame;
    }
    const Address frame = arena_.Allocate(256);
    Set(frame, layout.f_executable, code);
    Set(frame, layout.prev_instr, code + runtime.layout.PyCodeObject.co_code_adaptive + unit * 2);
    Set(frame, layout.instr_ptr, code + runtime.layout.PyCodeObject.co_code_adaptive + unit * 2);
    SetValue<int32_t>(frame, layout.stacktop, -1);
    PutSlots(frame + layout.localsplus, a, c);
    return frame;
  }

  void Link(Address frame, Address previous) {
    const Offset link = runtime.layout._PyInterpreterFrame.previous;
    Set(frame, link != kNoOffset ? link : runtime.layout.PyFrameObject.f_back, previous);
  }

  Address Thread(Address frame) {
    const auto& layout = runtime.layout.PyThreadState;
    const Address thread = arena_.Allocate(1024);
    Set(thread, layout.frame, frame);
    Set(thread, layout.current_frame, frame);
    if (layout.cframe != kNoOffset) {
      // As the outermost one, which nothing is asked of.
      const Address c_frame = RootCFrame(thread);
      Set(c_frame, runtime.layout._PyCFrame.current_frame, frame);
      Set(thread, layout.cframe, c_frame);
    }
    return thread;
  }

  // The root_cframe of a Thread(), in a place of it that nothing else uses (PyThreadState, Include/cpython/pystate.h).
  Address RootCFrame(Address thread) const { return thread + (runtime.layout.PyThreadState.size_ - 32); }

  // Where a thread stands in the evaluation loop, and where in something else.
  static constexpr Address kInLoop{0x5010};
  static constexpr Address kElsewhere{0x6000};

  Runtime runtime;

 private:
  void PutSlots(Address slots, Address a, Address c) {
    arena_.Put(slots, a.value());
    arena_.Put(slots + 8, uint64_t{0});
    arena_.Put(slots + 16, c.value());
  }

  Arena& arena_;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_UNIT_CPYTHON_ARENA_H_
