// Takes secrets out of what may be a snapshot file; what it writes can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "snapshotter/capture/snapshot_redactor.h"
#include "snapshotter/format/loaded_snapshot.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pysnap;
  static const std::vector<std::string> kPatterns = {"^a", "[0-9]{3}"};
  static const RedactionRules kRules = *RedactionRules::Create(true, kPatterns);
  std::string redacted;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  if (!RedactSnapshot(file, std::make_unique<StringSink>(&redacted), kRules).ok()) return 0;
  const auto loaded = format::LoadedSnapshot::Parse(std::move(redacted));
  if (!loaded.ok() || !(*loaded)->damage().empty()) abort();
  return 0;
}
