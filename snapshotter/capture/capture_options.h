// What a user may ask of a capture, whichever command takes it.
#ifndef PYSNAP_CAPTURE_CAPTURE_OPTIONS_H_
#define PYSNAP_CAPTURE_CAPTURE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "snapshotter/objects/declared_layouts.h"

namespace pysnap {

struct CaptureOptions {
  // A file, an existing directory, or empty for the default name in the current directory.
  std::string output;
  bool native = false;
  bool no_locals = false;
  // 0: no limit.
  uint64_t max_objects = 0;
  uint64_t max_bytes = 0;
  uint32_t max_depth = 0;
  uint64_t max_items = 0;
  // Regular expressions for names and texts that are to be left out.
  std::vector<std::string> redact;
  // Switches off the built-in rules, not the expressions above.
  bool no_redact = false;
  // Folders that tell of types of C extensions, and what they tell; null for nothing.
  std::vector<std::string> plugins;
  std::shared_ptr<const DeclaredLayouts> layouts;
  // Told now and then what is being done, and to how many objects it was. Null: nobody is.
  std::function<void(const char* what, uint64_t objects)> progress;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_CAPTURE_OPTIONS_H_
