#include "snapshotter/objects/program_modules.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"

namespace pysnap {
namespace {

constexpr size_t kMaxNameBytes = 4096;

bool IsInstalled(absl::string_view file) {
  const std::vector<absl::string_view> folders = absl::StrSplit(file, '/');
  return std::any_of(folders.begin(), folders.end(),
                     [](absl::string_view folder) { return folder == "site-packages" || folder == "dist-packages"; });
}

bool IsBelow(absl::string_view file, absl::string_view folder) {
  return !folder.empty() && absl::StartsWith(file, folder);
}

// With the slash.
std::string FolderOf(const std::string& file) { return file.substr(0, file.rfind('/') + 1); }

}  // namespace

void ProgramModules::Add(Address modules) {
  if (modules && std::find(added_.begin(), added_.end(), modules) == added_.end()) added_.push_back(modules);
}

void ProgramModules::List(Address modules) {
  NameLookup lookup(runtime_, memory_);
  const absl::StatusOr<std::vector<NameLookup::Item>> items = lookup.Items(modules);
  if (!items.ok()) return;
  const Address module_type = runtime_.Symbol("PyModule_Type");
  for (const auto& [key, module] : *items) {
    if (key.is_null() || module.is_null()) continue;
    if (!IsInstance(runtime_, memory_, key, runtime_.Symbol("PyUnicode_Type")).value_or(false)) continue;
    if (!IsInstance(runtime_, memory_, module, module_type).value_or(false)) continue;
    const absl::StatusOr<Address> dict = memory_.ReadPointer(module + runtime_.layout.PyModuleObject.md_dict);
    absl::StatusOr<std::string> name = ReadText(runtime_, memory_, key, kMaxNameBytes);
    if (dict.ok() && !dict->is_null() && name.ok()) namespaces_.try_emplace(*std::move(name), *dict);
  }
}

std::string ProgramModules::TextOf(absl::string_view module, absl::string_view name) {
  const auto it = namespaces_.find(module);
  if (it == namespaces_.end()) return "";
  NameLookup lookup(runtime_, memory_);
  const absl::StatusOr<std::vector<NameLookup::Item>> items = lookup.Items(it->second);
  const absl::StatusOr<Address> text = items.ok() ? lookup.Find(*items, name) : items.status();
  if (!text.ok() || text->is_null()) return "";
  if (!IsInstance(runtime_, memory_, *text, runtime_.Symbol("PyUnicode_Type")).value_or(false)) return "";
  return ReadText(runtime_, memory_, *text, kMaxNameBytes).value_or("");
}

void ProgramModules::FindFolders() {
  library_ = FolderOf(TextOf("os", "__file__"));
  // That of a daemon is the root, which says nothing.
  if (working_folder_ == "/") working_folder_.clear();
  if (!working_folder_.empty()) working_folder_ += '/';
  program_ = FolderOf(Absolute(TextOf("__main__", "__file__")));
  // `python -m a.b` runs a/b.py or a/b/__main__.py, whose __package__ is "a" or "a.b".
  const std::string package = TextOf("__main__", "__package__");
  if (program_.empty() || package.empty()) return;
  for (auto parts = std::count(package.begin(), package.end(), '.') + 1; parts > 0 && program_.size() > 1; --parts) {
    program_ = FolderOf(program_.substr(0, program_.size() - 1));
  }
}

// Up to 3.8 the file of __main__ is as it was given (Modules/main.c).
std::string ProgramModules::Absolute(const std::string& file) const {
  return file.empty() || file[0] == '/' ? file : working_folder_.empty() ? "" : working_folder_ + file;
}

bool ProgramModules::Contains(absl::string_view name) {
  if (!listed_) {
    listed_ = true;
    for (const Address modules : added_) List(modules);
    FindFolders();
  }
  if (library_.empty()) return false;
  const auto [it, inserted] = known_.try_emplace(std::string(name), false);
  if (inserted) {
    const std::string file = Absolute(TextOf(name, "__file__"));
    it->second =
        (IsBelow(file, program_) || IsBelow(file, working_folder_)) && !IsBelow(file, library_) && !IsInstalled(file);
  }
  return it->second;
}

}  // namespace pysnap
