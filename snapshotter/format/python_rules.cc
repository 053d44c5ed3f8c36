#include "snapshotter/format/python_rules.h"

#include <algorithm>
#include <iterator>

namespace pysnap::format {
namespace {

constexpr uint32_t kFirstMinor = 8;
constexpr PythonRules kRules[] = {
    /* 3.8 */ {.sorted_namespace = true,
               .int_enum_by_name = true,
               .immutable_flag = false,
               .template_flag = true,
               .names_by_object = true},
    /* 3.9 */ {.int_enum_by_name = true, .immutable_flag = false, .template_flag = true, .names_by_object = true},
    /* 3.10 */
    {.int_enum_by_name = true, .template_flag = true, .wrapped_in_staticmethod = true, .names_by_object = true},
    /* 3.11 */
    {.position_table = true,
     .template_flag = true,
     .states_of_locks = true,
     .wrapped_in_staticmethod = true,
     .names_by_object = true,
     .names_by_class = true},
    /* 3.12 */
    {.position_table = true,
     .template_flag = true,
     .states_of_locks = true,
     .ordered_dict_braces = true,
     .wrapped_in_staticmethod = true,
     .names_by_class = true},
    /* 3.13 */
    {.position_table = true,
     .states_of_locks = true,
     .struct_format = true,
     .ordered_dict_braces = true,
     .wrapped_in_staticmethod = true,
     .names_by_class = true,
     .full_names_in_c = true},
    /* 3.14 */
    {.position_table = true,
     .states_of_locks = true,
     .struct_format = true,
     .ordered_dict_braces = true,
     .wrapped_in_staticmethod = true,
     .names_by_class = true,
     .full_names_in_c = true},
    /* 3.15 */
    {.import_error_names = true,
     .position_table = true,
     .states_of_locks = true,
     .struct_format = true,
     .ordered_dict_braces = true,
     .wrapped_in_staticmethod = true,
     .bare_object_descriptors = true,
     .bytearray_as_bytes = true,
     .names_by_class = true,
     .full_names_in_c = true},
};

}  // namespace

const PythonRules& RulesFor(uint32_t minor) {
  const auto last = static_cast<uint32_t>(std::size(kRules)) - 1;
  return kRules[std::min(std::max(minor, kFirstMinor) - kFirstMinor, last)];
}

}  // namespace pysnap::format
