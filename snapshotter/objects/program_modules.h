// Which modules are the program's own, as told from those of the standard library and of installed packages.
#ifndef PYSNAP_OBJECTS_PROGRAM_MODULES_H_
#define PYSNAP_OBJECTS_PROGRAM_MODULES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

class ProgramModules {
 public:
  // `working_folder` is the process's, empty where it is not known. The others outlive it.
  ProgramModules(const Runtime& runtime, Memory& memory, std::string working_folder)
      : runtime_(runtime), memory_(memory), working_folder_(std::move(working_folder)) {}

  // Adds the modules of an interpreter: its sys.modules, or null. Nothing is read before something is asked.
  void Add(Address modules);

  // Whether the module's file is below the working folder or that of the program (__main__, and the folder that its
  // package is in), but not in the folder of the standard library, which is that of os.py, nor below one called
  // site-packages or dist-packages. False for what cannot be read.
  bool Contains(absl::string_view name);

 private:
  void List(Address modules);
  void FindFolders();
  // A str of the module's namespace, e.g. its __file__; empty when there is none.
  std::string TextOf(absl::string_view module, absl::string_view name);

  std::string Absolute(const std::string& file) const;

  const Runtime& runtime_;
  Memory& memory_;
  std::vector<Address> added_;
  bool listed_ = false;
  absl::flat_hash_map<std::string, Address> namespaces_;
  absl::flat_hash_map<std::string, bool> known_;
  // With a slash at their ends; empty ones are not known.
  std::string library_;
  std::string program_;
  std::string working_folder_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_PROGRAM_MODULES_H_
