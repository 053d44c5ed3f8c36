// Prints what LocateRuntime finds in a process: `pysnap_locate PID`. For tests, and for whoever adds a version.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "snapshotter/cpython/layout_fields.h"
#include "snapshotter/cpython/runtime_locator.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/process/live_target.h"

int main(int argc, char** argv) {
  int pid;
  if (argc < 2 || !absl::SimpleAtoi(argv[1], &pid)) {
    std::fprintf(stderr, "usage: pysnap_locate PID\n");
    return 2;
  }
  const absl::StatusOr<std::unique_ptr<pysnap::LiveTarget>> target = pysnap::LiveTarget::Open(pid);
  if (!target.ok()) {
    std::fprintf(stderr, "%s\n", target.status().ToString().c_str());
    return 1;
  }
  const absl::Time start = absl::Now();
  const absl::StatusOr<pysnap::Runtime> runtime = pysnap::LocateRuntime(**target);
  const double milliseconds = absl::ToDoubleMilliseconds(absl::Now() - start);
  if (!runtime.ok()) {
    std::printf("error: %s\n", runtime.status().ToString().c_str());
    return 1;
  }
  std::printf("version: %s\n", pysnap::FormatVersion(runtime->hex_version).c_str());
  std::printf("debug: %d\n", runtime->debug);
  std::printf("module: %s\n", runtime->module_path.c_str());
  std::printf("symbols: %zu\n", runtime->symbols.size());
  std::printf("runtime: %llu\n", static_cast<unsigned long long>(runtime->py_runtime.value()));
  std::fprintf(stderr, "time: %.2f ms\n", milliseconds);
  // Each known type as the layout reads it.
  const pysnap::Layout::PyTypeObject_& type = runtime->layout.PyTypeObject;
  pysnap::Memory& memory = (*target)->memory();
  for (const auto& [name, address] : runtime->symbols) {
    if (!absl::EndsWith(name, "Type")) continue;
    const absl::StatusOr<pysnap::Address> name_at = memory.ReadPointer(address + type.tp_name);
    const absl::StatusOr<std::string> tp_name = name_at.ok() ? memory.ReadCString(*name_at, 256) : name_at.status();
    if (!tp_name.ok()) continue;
    std::printf("type: %llu %s %lld %lld %llu %lld\n", static_cast<unsigned long long>(address.value()),
                tp_name->c_str(),
                static_cast<long long>(memory.ReadValue<int64_t>(address + type.tp_basicsize).value_or(-1)),
                static_cast<long long>(memory.ReadValue<int64_t>(address + type.tp_itemsize).value_or(-1)),
                static_cast<unsigned long long>(memory.ReadValue<uint64_t>(address + type.tp_flags).value_or(0)),
                static_cast<long long>(memory.ReadValue<int64_t>(address + type.tp_dictoffset).value_or(-1)));
  }
  // What the target says differently from the tables.
  const pysnap::Layout& tabled = runtime->debug ? *runtime->version->debug : *runtime->version->release;
  for (const pysnap::LayoutField& field : pysnap::LayoutFields()) {
    if (field.Get(tabled) == field.Get(runtime->layout)) continue;
    std::printf("differs: %s.%s %d instead of %d\n", std::string(field.struct_name).c_str(),
                std::string(field.field_name).c_str(), field.Get(runtime->layout), field.Get(tabled));
  }
  return 0;
}
