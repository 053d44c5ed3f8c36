// CPython 3.12.
#include <iterator>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr Layout kRelease = {
#define PYSNAP_BUILD(release, debug) release
#include "snapshotter/cpython/versions/v3_12.layout.inc"
#undef PYSNAP_BUILD
};

constexpr Layout kDebug = {
#define PYSNAP_BUILD(release, debug) debug
#include "snapshotter/cpython/versions/v3_12.layout.inc"
#undef PYSNAP_BUILD
};

constexpr OpcodeTables kOpcodes = {
#include "snapshotter/cpython/versions/v3_12.opcodes.inc"
};

constexpr OpcodeNumbers kOpcodeNumbers = {
#include "snapshotter/cpython/versions/v3_12.opcode_numbers.inc"
};

constexpr StackEffect kStackEffects[] = {
#include "snapshotter/cpython/versions/v3_12.stack_effects.inc"
};

}  // namespace

extern const VersionSupport kCPython3_12 = {
    .minor = 12,
    .release = &kRelease,
    .debug = &kDebug,
    .magic = 3531,
    .find_position = PositionFromLocations,
    .opcode_numbers = &kOpcodeNumbers,
    .stack_effects = {.rows = kStackEffects, .count = std::size(kStackEffects)},
    .load_global_shift = 1,
    .load_attr_shift = 1,
    .opcodes = &kOpcodes,
    .line_instrumentation = LineInstrumentation::kPairs,
    .current_frame = CurrentFrameInCFrame,
    .read_frame_links = InterpreterFrameLinks,
    .read_frame_contents = InterpreterFrameContents,
    .decode_stack_ref = StackRefPlain,
    .decode_stack_number = NoStackNumber,
    .stack_height = StackHeight::kStackTopIndex,
    .has_entry_shims = true,
    .find_torn_local = TornWhileReallocated,
    .decode_long_shape = LongFromTag,
    .decode_unicode_state = UnicodeStateAlwaysReady,
    .read_dict_keys = DictKeysWithLog2Size,
    .read_split_values = SplitValuesAfterOrder,
    .read_instance_attributes = AttributesInTaggedPointer,
    .read_generator = GeneratorCreatedAtMinus2,
    .yield_from_mark = kMarkedByResume,
    .gil_holder = GilHolderInInterpreter,
};

}  // namespace pysnap
