#include "snapshotter/capture/greenlet_library.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "snapshotter/capture/isolated.h"
#include "snapshotter/capture/transport.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/native/named_structs.h"

namespace pysnap {
namespace {

constexpr std::chrono::seconds kTimeout(10);
// No struct of greenlet's is anywhere near as large.
constexpr int64_t kMaxOffset = 1 << 16;

struct Wanted {
  FieldName name;
  Offset GreenletStructs::*to;
  int64_t size = sizeof(uint64_t);
  bool required = true;
};

// A smart pointer of greenlet's is as large as the pointer in it. 0: of any size.
const Wanted kWanted[] = {
    {.name = {"_greenlet", "pimpl"}, .to = &GreenletStructs::pimpl},
    {.name = {"greenlet::Greenlet", "exception_state.exc_info"}, .to = &GreenletStructs::exc_info},
    {.name = {"greenlet::Greenlet", "exception_state.exc_state"}, .to = &GreenletStructs::exc_state, .size = 0},
    {.name = {"greenlet::Greenlet", "stack_state._stack_start"}, .to = &GreenletStructs::stack_start},
    {.name = {"greenlet::Greenlet", "stack_state.stack_stop"}, .to = &GreenletStructs::stack_stop},
    {.name = {"greenlet::Greenlet", "stack_state.stack_copy"}, .to = &GreenletStructs::stack_copy},
    {.name = {"greenlet::Greenlet", "stack_state._stack_saved"}, .to = &GreenletStructs::stack_saved},
    {.name = {"greenlet::Greenlet", "python_state._top_frame"}, .to = &GreenletStructs::top_frame},
    {.name = {"greenlet::Greenlet", "python_state.current_frame"},
     .to = &GreenletStructs::current_frame,
     .required = false},
    {.name = {"greenlet::Greenlet", "python_state._prev_frame"}, .to = &GreenletStructs::prev_frame, .required = false},
    {.name = {"greenlet::UserGreenlet", "_main_greenlet"}, .to = &GreenletStructs::main_greenlet},
    {.name = {"greenlet::UserGreenlet", "_run_callable"}, .to = &GreenletStructs::run_callable},
    {.name = {"greenlet::UserGreenlet", "_parent"}, .to = &GreenletStructs::parent},
    {.name = {"greenlet::MainGreenlet", "_thread_state"}, .to = &GreenletStructs::thread_state},
    {.name = {"greenlet::ThreadState", "current_greenlet"}, .to = &GreenletStructs::current_greenlet},
};
constexpr FieldName kObject = {"_greenlet", ""};

// greenlet's own module since 1.0; before, it was the package itself.
bool IsGreenlet(absl::string_view path) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  return (absl::StartsWith(name, "_greenlet.") || absl::StartsWith(name, "greenlet.")) && absl::EndsWith(name, ".so");
}

bool IsMapped(const Target& target) {
  return std::any_of(target.mappings().begin(), target.mappings().end(), [](const Mapping& mapping) {
    return mapping.inode != 0 && mapping.executable && IsGreenlet(mapping.path);
  });
}

// In the process that may not survive it: first whether there is any debug information, then the places.
void ReadPlaces(NamedStructs& structs, Address library, std::string& out) {
  std::vector<FieldName> names = {kObject};
  for (const Wanted& wanted : kWanted) names.push_back(wanted.name);
  Put(out, structs.HasInformation(library));
  for (const std::optional<FieldPlace>& place : structs.Find(library, names)) {
    Put(out, place.value_or(FieldPlace{.offset = -1, .size = -1}));
  }
}

// What another process has found: it is believed no further than it fits.
void TakePlaces(absl::string_view in, GreenletStructs& structs) {
  if (!Take<bool>(in)) {
    structs.problem = "its library has no debug information";
    return;
  }
  const auto object = Take<FieldPlace>(in);
  if (object.size <= 0 || object.size > kMaxOffset) structs.problem = "its debug information has no PyGreenlet";
  structs.object_size = static_cast<Offset>(object.size);
  for (const Wanted& wanted : kWanted) {
    const auto place = Take<FieldPlace>(in);
    const bool fits =
        place.offset >= 0 && place.offset <= kMaxOffset && (wanted.size == 0 || place.size == wanted.size);
    if (fits) structs.*wanted.to = static_cast<Offset>(place.offset);
    if (!fits && wanted.required && structs.problem.empty()) {
      structs.problem = absl::StrCat("its release is not known: there is no ", std::string(wanted.name.structure),
                                     "::", std::string(wanted.name.field));
    }
  }
}

}  // namespace

const GreenletStructs* GreenletLibrary::Find(Target& target) {
  if (!IsMapped(target)) {
    structs_.reset();
    return nullptr;
  }
  const std::unique_ptr<ModuleMap> modules = ModuleMap::Read(target);
  const auto module = std::find_if(modules->modules().begin(), modules->modules().end(),
                                   [](const Module& each) { return IsGreenlet(each.path); });
  if (module == modules->modules().end()) {
    structs_.emplace().problem = "its library cannot be read";
    return &*structs_;
  }
  const bool known = structs_.has_value() && structs_->library.begin == module->range.begin &&
                     structs_->library.size == module->range.size;
  if (known) return &*structs_;
  GreenletStructs& found = structs_.emplace();
  found.library = module->range;
  NamedStructs structs(*modules, target);
  const auto work = [&](size_t, std::string& out) { ReadPlaces(structs, module->range.begin, out); };
  const auto done = [&](size_t, absl::string_view out) { TakePlaces(out, found); };
  const auto failed = [&](size_t, const absl::Status& status) {
    found.problem = absl::StrCat("its debug information cannot be read: ", std::string(status.message()));
  };
  RunIsolated(1, kTimeout, {work, done, failed});
  return &found;
}

}  // namespace pysnap
