// co_exceptiontable: where exceptions of a range of instructions are handled (3.11+,
// Objects/exception_handling_notes.txt).
#ifndef PYSNAP_CPYTHON_EXCEPTION_TABLE_H_
#define PYSNAP_CPYTHON_EXCEPTION_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace pysnap {

// Bytes of bytecode.
struct ExceptionRange {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t handler = 0;
  int32_t depth = 0;          // of the evaluation stack that is left for the handler
  bool pushes_lasti = false;  // an int for RERAISE, below the exception
};

// In the order of the table; a table that is cut off or makes no sense gives what comes before.
std::vector<ExceptionRange> ParseExceptionTable(const std::string& table);

// The range that `offset` is in; null when none is. Ranges do not overlap.
const ExceptionRange* FindRange(const std::vector<ExceptionRange>& ranges, int32_t offset);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_EXCEPTION_TABLE_H_
