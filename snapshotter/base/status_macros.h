// Early return for absl::Status and absl::StatusOr, which Abseil 20220623 does not have.
#ifndef PYSNAP_BASE_STATUS_MACROS_H_
#define PYSNAP_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the function when `expr` (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr)                                                           \
  do {                                                                                  \
    if (absl::Status pysnap_status = (expr); !pysnap_status.ok()) return pysnap_status; \
  } while (false)

// Evaluates `expr` (an absl::StatusOr<T>); returns its status, or moves its value into `lhs` (a declaration or an
// lvalue). Example: ASSIGN_OR_RETURN(Address type, memory.ReadPointer(object));
#define ASSIGN_OR_RETURN(lhs, expr) PYSNAP_ASSIGN_OR_RETURN_(PYSNAP_CONCAT_(pysnap_statusor_, __LINE__), lhs, expr)

#define PYSNAP_CONCAT_INNER_(a, b) a##b
#define PYSNAP_CONCAT_(a, b) PYSNAP_CONCAT_INNER_(a, b)
#define PYSNAP_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = *std::move(tmp)

#endif  // PYSNAP_BASE_STATUS_MACROS_H_
