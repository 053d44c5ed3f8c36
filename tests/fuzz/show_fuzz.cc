// Reads bytes as a snapshot file and prints whatever it holds, as text and as JSON.
#include <cstddef>
#include <cstdint>
#include <string>

#include "snapshotter/format/json_view.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/text_view.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pysnap::format;
  const auto snapshot = LoadedSnapshot::Parse(std::string(reinterpret_cast<const char*>(data), size));
  if (!snapshot.ok()) return 0;
  ShowOptions options{.max_repr = 200, .color = size % 2 == 0};
  size_t written = 0;
  WriteTextView(**snapshot, options, [&written](std::string_view text) { written += text.size(); });
  options.greenlets = true;
  WriteTextView(**snapshot, options, [&written](std::string_view text) { written += text.size(); });
  options.greenlets = false;
  options.tasks = true;
  WriteTextView(**snapshot, options, [&written](std::string_view text) { written += text.size(); });
  written += JsonView(**snapshot, options).dump(-1, ' ', false, nlohmann::json::error_handler_t::strict).size();
  written += PeekLine(**snapshot).size();
  return written == 0 ? 1 : 0;
}
