// Lets an extension built with GCC 12 load beside the libstdc++ of GCC 10 (Debian 11): of what it uses, only this
// function is newer.
#include <cstddef>
#include <new>

namespace std {

[[noreturn]] void __throw_bad_array_new_length();

__attribute__((visibility("hidden"))) void __throw_bad_array_new_length() { throw std::bad_alloc(); }

}  // namespace std
