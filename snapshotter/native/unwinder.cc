#include "snapshotter/native/unwinder.h"

#include <libunwind.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/native/unwind_index.h"

// Exported by libunwind for users of the remote interface, and declared in none of its headers.
extern "C" int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space,
                                                  unw_word_t ip,
                                                  unw_dyn_info_t* info,
                                                  unw_proc_info_t* result,
                                                  int need_unwind_info,
                                                  void* argument);

namespace pysnap {
namespace {

// Words read for one frame, and for one stack. Unwind information is a program, and a hostile one may loop.
constexpr uint64_t kMaxReadsPerFrame = uint64_t{1} << 17;
constexpr uint64_t kMaxReads = uint64_t{1} << 28;

// What callbacks return. Of libunwind's errors, all but UNW_ENOINFO end an unwinding; upon that one it would go on by
// following rbp (src/x86_64/Gstep.c), which is a guess.
constexpr int kFailed = -UNW_EUNSPEC;

// Encodings of pointers in .eh_frame_hdr (Linux Standard Base, "DWARF Extensions"). Linkers write no others.
constexpr uint8_t kTableVersion = 1;
constexpr uint8_t kCountUnsigned4 = 0x03;
constexpr uint8_t kTableRelativeSigned4 = 0x3b;

struct TableHeader {
  uint8_t version;
  uint8_t eh_frame_encoding;
  uint8_t count_encoding;
  uint8_t table_encoding;
  int32_t eh_frame;
  uint32_t count;
};
static_assert(sizeof(TableHeader) == 12);

template <typename T>
absl::Span<std::byte> BytesOf(T& value) {
  return absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(T));
}

}  // namespace

class Unwinder::Context {
 public:
  Context(ModuleMap& modules, Memory& kept) : modules_(modules), kept_(kept) {
    unw_accessors_t accessors = {};
    accessors.find_proc_info = [](unw_addr_space_t space, unw_word_t ip, unw_proc_info_t* info, int need, void* self) {
      return static_cast<Context*>(self)->FindProcedure(space, ip, info, need);
    };
    accessors.put_unwind_info = [](unw_addr_space_t, unw_proc_info_t*, void*) {};
    accessors.get_dyn_info_list_addr = [](unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; };
    accessors.access_mem = [](unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* self) {
      return write != 0 ? -UNW_EREADONLYREG : static_cast<Context*>(self)->ReadWord(Address(address), value);
    };
    accessors.access_reg = [](unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void* self) {
      const auto& general = static_cast<Context*>(self)->registers_.general;
      if (write != 0 || number < 0 || static_cast<size_t>(number) >= general.size()) return -UNW_EBADREG;
      *value = general[static_cast<size_t>(number)];
      return 0;
    };
    accessors.access_fpreg = [](unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EBADREG; };
    accessors.resume = [](unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; };
    accessors.get_proc_name = [](unw_addr_space_t, unw_word_t, char*, size_t, unw_word_t*, void*) {
      return -UNW_ENOINFO;
    };
    space_ = unw_create_addr_space(&accessors, 0);
    if (space_ != nullptr) unw_set_caching_policy(space_, UNW_CACHE_GLOBAL);
  }
  ~Context() {
    if (space_ != nullptr) unw_destroy_addr_space(space_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  NativeStack Unwind(const Registers& registers, size_t max_frames) {
    NativeStack stack;
    registers_ = registers;
    reads_ = 0;
    Begin();
    unw_cursor_t cursor;
    if (space_ == nullptr || unw_init_remote(&cursor, space_, this) < 0) {
      stack.end = absl::InternalError("libunwind cannot be used");
      return stack;
    }
    // Stack pointers of signal trampolines: after one the stack may go on anywhere, but not in a circle.
    absl::flat_hash_set<Address> trampolines;
    bool after_call = false;
    while (true) {
      NativeFrame frame;
      frame.pc = Register(cursor, UNW_REG_IP);
      frame.sp = Register(cursor, UNW_REG_SP);
      frame.after_call = after_call;
      if (stack.frames.size() >= max_frames) {
        stack.end = absl::ResourceExhaustedError(absl::StrCat("more than ", max_frames, " frames"));
        return stack;
      }
      if (!stack.frames.empty() && !stack.frames.back().is_signal_trampoline && frame.sp <= stack.frames.back().sp) {
        stack.end = absl::DataLossError(absl::StrFormat("the stack turns back at %#x", stack.frames.back().sp.value()));
        return stack;
      }
      Begin();
      frame.is_signal_trampoline = unw_is_signal_frame(&cursor) > 0;
      stack.frames.push_back(frame);
      if (frame.is_signal_trampoline && !trampolines.insert(frame.sp).second) {
        stack.end = absl::DataLossError(absl::StrFormat("the stack turns back at %#x", frame.sp.value()));
        return stack;
      }
      Begin();
      const int result = unw_step(&cursor);
      if (!failure_.ok() || result < 0) {
        stack.end = !failure_.ok() ? failure_
                                   : absl::DataLossError(absl::StrFormat(
                                         "the unwind information for %#x does not fit the stack", frame.pc.value()));
        return stack;
      }
      if (result == 0 || Register(cursor, UNW_REG_IP).is_null()) return stack;
      after_call = !frame.is_signal_trampoline;
    }
  }

  AddressRange FunctionAround(Address pc) {
    const auto [it, inserted] = functions_.try_emplace(pc);
    if (!inserted) return it->second;
    unw_proc_info_t info = {};
    reads_ = 0;
    Begin();
    if (space_ != nullptr && FindProcedure(space_, pc.value(), &info, 0) == 0) {
      it->second = {Address(info.start_ip), info.end_ip - info.start_ip};
    }
    return it->second;
  }

 private:
  void Begin() {
    failure_ = absl::OkStatus();
    frame_reads_ = 0;
  }

  static Address Register(unw_cursor_t& cursor, unw_regnum_t number) {
    unw_word_t value = 0;
    return Address(unw_get_reg(&cursor, number, &value) == 0 ? value : 0);
  }

  int Fail(absl::Status status) {
    if (failure_.ok()) failure_ = std::move(status);
    return kFailed;
  }

  int FindProcedure(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t* info, int need_unwind_info) {
    const Module* module = modules_.Find(Address(ip));
    if (module == nullptr) {
      return Fail(absl::NotFoundError(absl::StrFormat("%#x is in no program or library: generated code, or none", ip)));
    }
    // By the linker's table, and where that knows nothing by one of our own.
    if (Search(space, ip, LinkersTable(*module), info, need_unwind_info)) return 0;
    if (Search(space, ip, OwnTable(*module), info, need_unwind_info)) return 0;
    return Fail(
        absl::NotFoundError(absl::StrFormat("no unwind information for %#x in %s", ip - module->bias, module->path)));
  }

  // A table of unwind information. An entry is two halves of a word, relative to `base`.
  struct Table {
    AddressRange range;  // of the code that it is about
    Address base;
    Address entries;
    uint64_t count = 0;
  };

  Table LinkersTable(const Module& module) {
    TableHeader header;
    if (!module.unwind_table.has_value() || module.unwind_table->size < sizeof(header) ||
        !modules_.ReadInitial(module.unwind_table->begin, BytesOf(header)).ok()) {
      return Table();
    }
    const uint64_t room = (module.unwind_table->size - sizeof(header)) / 8;
    if (header.version != kTableVersion || header.count_encoding != kCountUnsigned4 ||
        header.table_encoding != kTableRelativeSigned4 || header.count > room) {
      return Table();
    }
    const Address base = module.unwind_table->begin;
    return {.range = module.range, .base = base, .entries = base + sizeof(header), .count = header.count};
  }

  Table OwnTable(const Module& module) {
    const auto [it, inserted] = indexes_.try_emplace(&module);
    if (inserted) it->second = MakeUnwindIndex(modules_, module);
    const UnwindIndex& index = it->second;
    return {.range = module.range, .base = index.place.begin, .entries = index.place.begin, .count = index.count};
  }

  bool Search(unw_addr_space_t space, unw_word_t ip, const Table& table, unw_proc_info_t* info, int need_unwind_info) {
    if (table.count == 0) return false;
    unw_dyn_info_t described = {};
    described.start_ip = table.range.begin.value();
    described.end_ip = table.range.end().value();
    described.format = UNW_INFO_FORMAT_REMOTE_TABLE;
    described.u.rti.segbase = table.base.value();
    described.u.rti.table_data = table.entries.value();
    described.u.rti.table_len = table.count;  // in words
    // Pointers to personality routines lie in memory that is written by the dynamic linker. They are read with the rest
    // and not used, so that it does not matter what they were.
    reading_tables_ = true;
    const int result = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &described, info, need_unwind_info, this);
    reading_tables_ = false;
    if (result == 0 && ip >= info->start_ip && ip < info->end_ip) return true;
    failure_ = absl::OkStatus();
    return false;
  }

  int ReadWord(Address address, unw_word_t* value) {
    if (++frame_reads_ > kMaxReadsPerFrame || ++reads_ > kMaxReads) {
      return Fail(absl::DataLossError("its unwind information does not end"));
    }
    const absl::Span<std::byte> out = BytesOf(*value);
    for (const auto& [module, index] : indexes_) {
      if (!index.place.contains(address)) continue;
      // Read in words; the bytes end with a whole one.
      const auto within = static_cast<size_t>(address - index.place.begin);
      if (index.bytes.size() - within < sizeof(*value)) return Fail(UnreadableError(address));
      std::memcpy(value, index.bytes.data() + within, sizeof(*value));
      return 0;
    }
    absl::Status status = modules_.ReadConstant(address, out);
    if (status.ok()) return 0;
    if (reading_tables_) {
      status = modules_.ReadInitial(address, out);
    } else {
      status = kept_.Read(address, out);
    }
    return status.ok() ? 0 : Fail(std::move(status));
  }

  ModuleMap& modules_;
  Memory& kept_;
  unw_addr_space_t space_ = nullptr;
  Registers registers_;
  bool reading_tables_ = false;
  uint64_t frame_reads_ = 0;
  uint64_t reads_ = 0;
  // Of the current step. Set, whatever libunwind makes of it, the step is not to be trusted.
  absl::Status failure_;
  absl::flat_hash_map<Address, AddressRange> functions_;
  absl::flat_hash_map<const Module*, UnwindIndex> indexes_;
};

Unwinder::Unwinder(ModuleMap& modules, Memory& kept) : context_(std::make_unique<Context>(modules, kept)) {}
Unwinder::~Unwinder() = default;

NativeStack Unwinder::Unwind(const Registers& registers, size_t max_frames) {
  return context_->Unwind(registers, max_frames);
}

AddressRange Unwinder::FunctionAround(Address pc) { return context_->FunctionAround(pc); }

}  // namespace pysnap
