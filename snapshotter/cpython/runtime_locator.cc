#include "snapshotter/cpython/runtime_locator.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/asyncio_offsets.h"
#include "snapshotter/cpython/debug_offsets.h"
#include "snapshotter/cpython/mapped_modules.h"
#include "snapshotter/cpython/python_version.h"
#include "snapshotter/cpython/runtime_check.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/process/elf_image.h"

namespace pysnap {
namespace {

constexpr size_t kScanChunk = 256u << 10;
constexpr uint64_t kMaxScan = 256u << 20;

// Where _PyRuntime may be, and what else its module tells.
struct Candidate {
  std::string path;
  Address py_runtime;
  // The module's useful symbols, relocated.
  absl::flat_hash_map<std::string, Address> symbols = {};
  AddressRange evaluation_loop = {};
  bool has_ref_debug = false;
  bool has_trace_refs = false;
  std::vector<AddressRange> writable = {};
  // The dynamic loader maps a library whole before it maps each segment where it belongs.
  bool is_loaded = true;
};

// "CPython 3.8 to 3.15, default and debug builds"
std::string Supported() {
  const auto all = AllVersionSupports();
  return absl::StrCat("CPython 3.", all.front()->minor, " to 3.", all.back()->minor, ", default and debug builds");
}

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(what, " is not supported (supported: ", Supported(), ")"));
}

// Symbols worth keeping: objects that every interpreter has at a fixed place.
bool IsUseful(const ElfSymbol& symbol) {
  if (!symbol.is_data || !(absl::StartsWith(symbol.name, "Py") || absl::StartsWith(symbol.name, "_Py"))) return false;
  return absl::EndsWith(symbol.name, "Type") || absl::EndsWith(symbol.name, "Struct") ||
         absl::EndsWith(symbol.name, "Object") || absl::StartsWith(symbol.name, "PyExc_") ||
         symbol.name == "Py_Version";
}

// The address of _PyRuntime in the image; nothing when it is not there.
absl::StatusOr<std::optional<uint64_t>> FindPyRuntime(ElfImage& image, bool look_everywhere) {
  ASSIGN_OR_RETURN(std::optional<ElfSymbol> symbol, image.FindSymbol("_PyRuntime"));
  if (symbol) return std::optional<uint64_t>(symbol->address);
  ASSIGN_OR_RETURN(std::optional<ElfSection> section, image.FindSection(".PyRuntime"));
  if (section && section->address != 0) return std::optional<uint64_t>(section->address);
  std::optional<uint64_t> found;
  if (look_everywhere) {
    RETURN_IF_ERROR(image.ForEachStaticSymbol([&](const ElfSymbol& found_symbol) {
      if (found_symbol.name == "_PyRuntime" && found_symbol.is_data) found = found_symbol.address;
    }));
  }
  return found;
}

bool IsWritable(const Target& target, Address address) {
  return std::any_of(target.mappings().begin(), target.mappings().end(),
                     [&](const Mapping& mapping) { return mapping.writable && mapping.range.contains(address); });
}

// Adds what a module offers to `candidates`.
absl::Status AddCandidates(Target& target, const MappedModule& module, std::vector<Candidate>& candidates) {
  ASSIGN_OR_RETURN(ElfImage image, OpenImage(target, module));
  const bool likely = module.path == target.info().executable || absl::StrContains(module.path, "python");
  ASSIGN_OR_RETURN(std::optional<uint64_t> py_runtime, FindPyRuntime(image, likely));
  if (!py_runtime) return absl::OkStatus();
  for (const int64_t bias : LoadBiases(image, module, target)) {
    const auto relocate = [&](uint64_t address) { return Address(address + static_cast<uint64_t>(bias)); };
    Candidate candidate{.path = module.path, .py_runtime = relocate(*py_runtime)};
    candidate.is_loaded = IsWritable(target, candidate.py_runtime);
    const auto take = [&](const ElfSymbol& symbol) {
      if (IsUseful(symbol)) candidate.symbols.try_emplace(std::string(symbol.name), relocate(symbol.address));
      if (symbol.name == "_PyEval_EvalFrameDefault") {
        candidate.evaluation_loop = {relocate(symbol.address), symbol.size};
      }
      candidate.has_ref_debug |= symbol.name == "_Py_NegativeRefcount";
      candidate.has_trace_refs |= symbol.name == "_Py_AddToAllObjects";
    };
    RETURN_IF_ERROR(image.ForEachSymbol(take));
    if (candidate.symbols.empty()) RETURN_IF_ERROR(image.ForEachStaticSymbol(take));
    for (const ElfSegment& segment : image.segments()) {
      if (segment.writable) candidate.writable.push_back({relocate(segment.address), segment.memory_size});
    }
    candidates.push_back(std::move(candidate));
  }
  return absl::OkStatus();
}

// Looks for the first bytes of a _PyRuntime (3.13 on) in the modules' writable memory: for executables without symbols
// and sections.
void ScanForCookie(Target& target, std::vector<Candidate>& candidates) {
  std::vector<char> chunk;
  uint64_t scanned = 0;
  bool after_module = false;
  for (const Mapping& mapping : target.mappings()) {
    // What the file does not fill of a writable segment (.bss) is an anonymous mapping behind it.
    after_module = mapping.inode != 0 || (after_module && mapping.path.empty());
    if (!mapping.readable || !mapping.writable || mapping.shared || !after_module) continue;
    for (uint64_t at = 0; at < mapping.range.size && scanned < kMaxScan; at += kScanChunk, scanned += kScanChunk) {
      const size_t length = std::min<uint64_t>(kScanChunk, mapping.range.size - at);
      if (!target.memory().ReadArray(mapping.range.begin + static_cast<int64_t>(at), length, chunk).ok()) break;
      // The struct is aligned to more than the cookie is long, so no chunk's end cuts it.
      for (size_t i = 0; i + kDebugOffsetsCookie.size() <= chunk.size(); i += alignof(uint64_t)) {
        if (absl::string_view(chunk.data() + i, kDebugOffsetsCookie.size()) != kDebugOffsetsCookie) continue;
        candidates.push_back({.path = mapping.path, .py_runtime = mapping.range.begin + static_cast<int64_t>(at + i)});
      }
    }
  }
}

// Which version a candidate is.
absl::StatusOr<uint32_t> ReadVersion(Memory& memory, const Candidate& candidate) {
  std::optional<uint32_t> version;
  if (const auto it = candidate.symbols.find("Py_Version"); it != candidate.symbols.end()) {
    ASSIGN_OR_RETURN(version, memory.ReadValue<uint32_t>(it->second));
  }
  for (size_t i = 0; !version && i < candidate.writable.size(); ++i) {
    version = FindSysVersion(memory, candidate.writable[i]);
  }
  if (!version) return absl::FailedPreconditionError("its CPython does not tell its version (it has not started yet)");
  return *version;
}

absl::StatusOr<Runtime> ReadCandidate(Target& target, Candidate candidate) {
  if (!candidate.is_loaded) return absl::FailedPreconditionError("its CPython is still being loaded");
  Memory& memory = target.memory();
  ASSIGN_OR_RETURN(const std::optional<DebugOffsetsHeader> header,
                   ReadDebugOffsetsHeader(memory, candidate.py_runtime));
  Runtime runtime;
  runtime.py_runtime = candidate.py_runtime;
  runtime.module_path = candidate.path;
  if (header) {
    runtime.hex_version = header->hex_version;
    runtime.free_threaded = header->free_threaded;
  } else {
    ASSIGN_OR_RETURN(runtime.hex_version, ReadVersion(memory, candidate));
  }
  const std::string name = absl::StrCat("CPython ", FormatVersion(runtime.hex_version));
  runtime.version =
      MajorVersion(runtime.hex_version) == 3 ? FindVersionSupport(MinorVersion(runtime.hex_version)) : nullptr;
  if (runtime.version == nullptr || IsUnstable(runtime.hex_version)) return Unsupported(name);
  if (runtime.free_threaded) return Unsupported(absl::StrCat("the free-threaded build of ", name));
  if (candidate.has_trace_refs) return Unsupported(absl::StrCat("the Py_TRACE_REFS build of ", name));
  runtime.debug = candidate.has_ref_debug;
  runtime.symbols = std::move(candidate.symbols);
  runtime.evaluation_loop = candidate.evaluation_loop;
  runtime.writable = std::move(candidate.writable);

  const Layout* layout = runtime.debug ? runtime.version->debug : runtime.version->release;
  if (layout == nullptr) return Unsupported(absl::StrCat(runtime.debug ? "the debug build of " : "", name));
  runtime.layout = *layout;
  if (layout->_Py_DebugOffsets.size_ > 0) {
    if (!header) return Unsupported(absl::StrCat(name, " without debug offsets"));
    ASSIGN_OR_RETURN(const DebugOffsets offsets, DebugOffsets::Read(memory, runtime.py_runtime, *layout));
    RETURN_IF_ERROR(offsets.Overlay(runtime.layout));
  }
  RETURN_IF_ERROR(CheckRuntime(memory, runtime));
  return runtime;
}

// Which error says most about why no candidate would do.
int Importance(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
      return 4;
    case absl::StatusCode::kUnimplemented:
      return 3;
    case absl::StatusCode::kFailedPrecondition:
      return 2;
    case absl::StatusCode::kNotFound:
      return 0;
    default:
      return 1;
  }
}

// Says what a process is that has no _PyRuntime, as far as its modules' names of functions tell.
absl::Status DescribeOther(Target& target, const std::vector<MappedModule>& modules) {
  for (const MappedModule& module : modules) {
    const std::string name = module.path.substr(module.path.rfind('/') + 1);
    const bool likely = module.path == target.info().executable || name.find("py") != std::string::npos;
    if (!likely) continue;
    absl::StatusOr<ElfImage> image = OpenImage(target, module);
    if (!image.ok()) continue;
    const auto defines = [&](absl::string_view symbol) {
      const absl::StatusOr<std::optional<ElfSymbol>> found = image->FindSymbol(symbol);
      return found.ok() && found->has_value();
    };
    if (defines("pypy_main_startup") || defines("PyPy_GetVersion") || defines("pypy_execute_source")) {
      return Unsupported("PyPy");
    }
    if (!defines("PyInterpreterState_Head")) continue;
    for (const int64_t bias : LoadBiases(*image, module, target)) {
      for (const ElfSegment& segment : image->segments()) {
        if (!segment.writable) continue;
        const AddressRange range{Address(segment.address + static_cast<uint64_t>(bias)), segment.memory_size};
        if (const std::optional<uint32_t> version = FindSysVersion(target.memory(), range)) {
          return Unsupported(absl::StrCat("CPython ", FormatVersion(*version)));
        }
      }
    }
    return Unsupported("a CPython older than 3.7");
  }
  return absl::NotFoundError("there is no CPython in the process");
}

}  // namespace

namespace {

// What _asyncio says of itself need not be known for anything but its tasks.
Runtime WithAsyncio(Target& target, const std::vector<MappedModule>& modules, Runtime runtime) {
  Layout& layout = runtime.layout;
  if (runtime.version->release->PyThreadState.asyncio_tasks_head == kNoOffset) return runtime;
  const absl::Status status = OverlayAsyncioOffsets(target, modules, runtime.module_path, layout);
  if (!status.ok()) {
    runtime.asyncio_problem = std::string(status.message());
    layout.TaskObj.size_ = kNoOffset;
    layout.FutureObj.size_ = kNoOffset;
  } else if (layout.PyThreadState.asyncio_tasks_head == kNoOffset) {
    runtime.asyncio_problem = "where threads keep them is not known of this micro version";
  }
  return runtime;
}

}  // namespace

absl::StatusOr<Runtime> LocateRuntime(Target& target) {
  const std::vector<MappedModule> modules = ListModules(target);
  absl::Status failure = absl::NotFoundError("");
  const auto try_all = [&](std::vector<Candidate>& candidates) -> absl::StatusOr<Runtime> {
    for (Candidate& candidate : candidates) {
      absl::StatusOr<Runtime> runtime = ReadCandidate(target, std::move(candidate));
      if (runtime.ok()) return WithAsyncio(target, modules, *std::move(runtime));
      if (Importance(runtime.status()) > Importance(failure)) failure = runtime.status();
    }
    return failure;
  };
  for (const MappedModule& module : modules) {
    std::vector<Candidate> candidates;
    if (absl::Status added = AddCandidates(target, module, candidates); !added.ok()) {
      // A library that cannot be read is of no interest when Python is in another; the program itself is.
      const bool says_why =
          absl::IsPermissionDenied(added) || (absl::IsUnimplemented(added) && module.path == target.info().executable);
      if (says_why && Importance(added) > Importance(failure)) failure = added;
      continue;
    }
    if (absl::StatusOr<Runtime> runtime = try_all(candidates); runtime.ok()) return runtime;
  }
  if (!absl::IsNotFound(failure)) return failure;
  std::vector<Candidate> candidates;
  ScanForCookie(target, candidates);
  if (absl::StatusOr<Runtime> runtime = try_all(candidates); runtime.ok()) return runtime;
  if (!absl::IsNotFound(failure)) return failure;
  return DescribeOther(target, modules);
}

}  // namespace pysnap
