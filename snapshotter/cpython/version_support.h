// What differs between CPython versions beyond the numbers in Layout: one const struct per minor version, in versions/.
//
// To add a version: generate its layout (scripts/gen_layout.py), write versions/v3_N.cc, add N to PYSNAP_CPYTHON_MINORS
// in CMakeLists.txt, record fixtures. docs/adding-a-cpython-version.md goes through it step by step.
#ifndef PYSNAP_CPYTHON_VERSION_SUPPORT_H_
#define PYSNAP_CPYTHON_VERSION_SUPPORT_H_

#include <cstdint>

#include "absl/types/span.h"
#include "snapshotter/cpython/behaviours/current_frame.h"
#include "snapshotter/cpython/behaviours/dict_shape.h"
#include "snapshotter/cpython/behaviours/evaluations.h"
#include "snapshotter/cpython/behaviours/frames.h"
#include "snapshotter/cpython/behaviours/generator_state.h"
#include "snapshotter/cpython/behaviours/gil.h"
#include "snapshotter/cpython/behaviours/line_table.h"
#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/cpython/behaviours/opcodes.h"
#include "snapshotter/cpython/behaviours/stack_effects.h"
#include "snapshotter/cpython/behaviours/stack_ref.h"
#include "snapshotter/cpython/behaviours/torn_local.h"
#include "snapshotter/cpython/behaviours/unicode_state.h"
#include "snapshotter/cpython/layout.h"

namespace pysnap {

// Every member that is a function or an enum names a behaviour (behaviours/), never a version; a version is the choice
// it makes among them. No code elsewhere compares version numbers.
struct VersionSupport {
  int minor = 0;
  const Layout* release = nullptr;
  // Null where a debug build has not been tabled.
  const Layout* debug = nullptr;
  // sizes.

  // The bytecode magic number of the final releases (Lib/importlib/_bootstrap_external.py); pre-releases differ.
  uint16_t magic = 0;

  // Code objects.
  FindPosition find_position = nullptr;
  const OpcodeNumbers* opcode_numbers = nullptr;
  StackEffects stack_effects;
  // How far the arguments of LOAD_GLOBAL and LOAD_ATTR are shifted to the left, for a bit that says something else.
  int load_global_shift = 0;
  int load_attr_shift = 0;
  // LOAD_DEREF and the like count cells together with all variables, and not by themselves.
  bool cells_are_fast_variables = true;
  const OpcodeTables* opcodes = nullptr;  // null: bytecode is never rewritten in place
  LineInstrumentation line_instrumentation = LineInstrumentation::kNone;

  // Frames.
  CurrentFrame current_frame = nullptr;
  ReadFrameLinks read_frame_links = nullptr;
  ReadFrameContents read_frame_contents = nullptr;
  DecodeStackRef decode_stack_ref = nullptr;
  DecodeStackNumber decode_stack_number = nullptr;
  StackHeight stack_height = StackHeight::kStackTopPointer;
  int lasti_unit = kLastiInBytes;  // of PyFrameObject.f_lasti
  bool has_entry_shims = false;    // frames that mark an entry of the evaluation loop from C
  LocateEvaluations locate_evaluations = nullptr;
  FindTornLocal find_torn_local = nullptr;

  // Objects.
  DecodeLongShape decode_long_shape = nullptr;
  DecodeUnicodeState decode_unicode_state = nullptr;
  ReadDictKeys read_dict_keys = nullptr;
  ReadSplitValues read_split_values = nullptr;
  ReadInstanceAttributes read_instance_attributes = nullptr;
  ReadGenerator read_generator = nullptr;
  YieldFromMark yield_from_mark = {};

  // Threads.
  GilHolder gil_holder = nullptr;
};

// The support struct of CPython 3.`minor`, or null.
const VersionSupport* FindVersionSupport(int minor);

// Every supported version, oldest first.
absl::Span<const VersionSupport* const> AllVersionSupports();

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_VERSION_SUPPORT_H_
