// CPython 3.11.
#include <iterator>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr Layout kRelease = {
#define PYSNAP_BUILD(release, debug) release
#include "snapshotter/cpython/versions/v3_11.layout.inc"
#undef PYSNAP_BUILD
};

constexpr Layout kDebug = {
#define PYSNAP_BUILD(release, debug) debug
#include "snapshotter/cpython/versions/v3_11.layout.inc"
#undef PYSNAP_BUILD
};

constexpr OpcodeTables kOpcodes = {
#include "snapshotter/cpython/versions/v3_11.opcodes.inc"
};

constexpr OpcodeNumbers kOpcodeNumbers = {
#include "snapshotter/cpython/versions/v3_11.opcode_numbers.inc"
};

constexpr StackEffect kStackEffects[] = {
#include "snapshotter/cpython/versions/v3_11.stack_effects.inc"
};

}  // namespace

extern const VersionSupport kCPython3_11 = {
    .minor = 11,
    .release = &kRelease,
    .debug = &kDebug,
    .magic = 3495,
    .find_position = PositionFromLocations,
    .opcode_numbers = &kOpcodeNumbers,
    .stack_effects = {.rows = kStackEffects, .count = std::size(kStackEffects)},
    .load_global_shift = 1,
    .opcodes = &kOpcodes,
    .current_frame = CurrentFrameInCFrame,
    .read_frame_links = InterpreterFrameLinks,
    .read_frame_contents = InterpreterFrameContents,
    .decode_stack_ref = StackRefPlain,
    .decode_stack_number = NoStackNumber,
    .stack_height = StackHeight::kStackTopIndex,
    .locate_evaluations = EvaluationsInCFrames,
    .find_torn_local = TornWhileReallocated,
    .decode_long_shape = LongFromObSize,
    .decode_unicode_state = UnicodeStateWithReady,
    .read_dict_keys = DictKeysWithLog2Size,
    .read_split_values = SplitValuesAfterOrder,
    .read_instance_attributes = AttributesInTwoPointers,
    .read_generator = GeneratorCreatedAtMinus2,
    .yield_from_mark = kMarkedByResume,
    .gil_holder = GilHolderInRuntime,
};

}  // namespace pysnap
