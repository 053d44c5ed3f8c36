// Modules.
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

absl::Status DecodeModule(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyModuleObject;
  proto::Module& module = *out.mutable_module();
  ASSIGN_OR_RETURN(const Address dict, crawl.memory().ReadPointer(object + layout.md_dict));
  Address name;
  Address file;
  if (dict) {
    // The import system puts them in first (Lib/importlib/_bootstrap.py: _init_module_attrs).
    constexpr int kLookAt = 16;
    int seen = 0;
    (void)VisitDict(crawl.runtime(), crawl.memory(), dict, [&](Address key, Address value) {
      const Name& text = crawl.NameAt(key);
      if (text.text == "__name__") name = value;
      if (text.text == "__file__") file = value;
      return ++seen < kLookAt;
    });
  }
  if (name.is_null() && layout.md_name != kNoOffset) {
    ASSIGN_OR_RETURN(name, crawl.memory().ReadPointer(object + layout.md_name));
  }
  module.set_name(crawl.RefEssential(name));
  module.set_file(crawl.Ref(file));
  module.set_dict(crawl.RefNamespace(dict, NamespaceKind::kGlobals, Address()));
  return absl::OkStatus();
}

}  // namespace pysnap
