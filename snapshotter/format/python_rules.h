// How CPython's own texts differ from version to version: one line a version.
#ifndef PYSNAP_FORMAT_PYTHON_RULES_H_
#define PYSNAP_FORMAT_PYTHON_RULES_H_

#include <cstdint>

namespace pysnap::format {

struct PythonRules {
  // namespace(a=1, b=2) and Namespace(a=1, b=2) in the order of the names, not of their assignment
  // (Objects/namespaceobject.c and Lib/argparse.py of 3.8).
  bool sorted_namespace = false;
  // str() of an enum.IntEnum's member is its name and not its number (Lib/enum.py, to 3.10).
  bool int_enum_by_name = false;
  // A type's flags tell whether C has made it (Py_TPFLAGS_IMMUTABLETYPE, Include/object.h of 3.10).
  bool immutable_flag = true;
  // repr(ImportError) names its `name` and `path` (Objects/exceptions.c of 3.15).
  bool import_error_names = false;
  // Code has a table of lines and columns (PEP 657).
  bool position_table = false;
  // repr(re.compile(…)) has a name for the flag TEMPLATE (Modules/_sre.c, to 3.12).
  bool template_flag = false;
  // <threading.Event at 0x…: unset> instead of <threading.Event object at 0x…> (Lib/threading.py of 3.11).
  bool states_of_locks = false;
  // Struct('<i') instead of <_struct.Struct object at 0x…> (Modules/_struct.c of 3.13).
  bool struct_format = false;
  // OrderedDict({'a': 1}) instead of OrderedDict([('a', 1)]) (Objects/odictobject.c of 3.12).
  bool ordered_dict_braces = false;
  // <staticmethod(<function …>)> instead of <staticmethod object at 0x…> (Objects/funcobject.c of 3.10).
  bool wrapped_in_staticmethod = false;
  // <slot wrapper '__init__'> without "of 'object' objects" for what object itself has (seen on 3.15).
  bool bare_object_descriptors = false;
  // bytearray(b"a'b") escapes as bytes does; before, ' is escaped even between " (seen on 3.15).
  bool bytearray_as_bytes = false;
  // repr() of a weak reference asks what it refers to for `__name__`, or the class of that, as for a special method.
  // The patch releases of 3.11 do the one or the other (Objects/weakrefobject.c).
  bool names_by_object = false;
  bool names_by_class = false;
  // The messages of C have a type's module and qualified name (%T of PyUnicode_FromFormat, 3.13) and not its tp_name.
  bool full_names_in_c = false;
};

// For a version that is not in the table: as its nearest neighbour.
const PythonRules& RulesFor(uint32_t minor);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_PYTHON_RULES_H_
