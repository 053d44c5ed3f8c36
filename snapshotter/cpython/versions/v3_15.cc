// CPython 3.15.
#include <iterator>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr Layout kRelease = {
#define PYSNAP_BUILD(release, debug) release
#include "snapshotter/cpython/versions/v3_15.layout.inc"
#undef PYSNAP_BUILD
};

constexpr Layout kDebug = {
#define PYSNAP_BUILD(release, debug) debug
#include "snapshotter/cpython/versions/v3_15.layout.inc"
#undef PYSNAP_BUILD
};

constexpr OpcodeTables kOpcodes = {
#include "snapshotter/cpython/versions/v3_15.opcodes.inc"
};

constexpr OpcodeNumbers kOpcodeNumbers = {
#include "snapshotter/cpython/versions/v3_15.opcode_numbers.inc"
};

constexpr StackEffect kStackEffects[] = {
#include "snapshotter/cpython/versions/v3_15.stack_effects.inc"
};

}  // namespace

extern const VersionSupport kCPython3_15 = {
    .minor = 15,
    .release = &kRelease,
    .debug = &kDebug,
    .magic = 3666,
    .find_position = PositionFromLocations,
    .opcode_numbers = &kOpcodeNumbers,
    .stack_effects = {.rows = kStackEffects, .count = std::size(kStackEffects)},
    .load_global_shift = 1,
    .load_attr_shift = 1,
    .opcodes = &kOpcodes,
    .line_instrumentation = LineInstrumentation::kSizedEntries,
    .current_frame = CurrentFrameInThreadState,
    .read_frame_links = InterpreterFrameLinks,
    .read_frame_contents = InterpreterFrameContents,
    .decode_stack_ref = StackRefTagged,
    .decode_stack_number = TaggedStackNumber,
    .stack_height = StackHeight::kStackPointer,
    .has_entry_shims = true,
    .find_torn_local = TornWhileReallocated,
    .decode_long_shape = LongFromTag,
    .decode_unicode_state = UnicodeStateAlwaysReady,
    .read_dict_keys = DictKeysWithLog2Size,
    .read_split_values = SplitValuesBeforeOrder,
    .read_instance_attributes = AttributesInline,
    .read_generator = GeneratorCreatedAtZero,
    .gil_holder = GilHolderInInterpreter,
};

}  // namespace pysnap
