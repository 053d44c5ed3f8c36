// CPython 3.8.
#include <iterator>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr Layout kRelease = {
#define PYSNAP_BUILD(release, debug) release
#include "snapshotter/cpython/versions/v3_8.layout.inc"
#undef PYSNAP_BUILD
};

constexpr Layout kDebug = {
#define PYSNAP_BUILD(release, debug) debug
#include "snapshotter/cpython/versions/v3_8.layout.inc"
#undef PYSNAP_BUILD
};

constexpr OpcodeNumbers kOpcodeNumbers = {
#include "snapshotter/cpython/versions/v3_8.opcode_numbers.inc"
};

constexpr StackEffect kStackEffects[] = {
#include "snapshotter/cpython/versions/v3_8.stack_effects.inc"
};

}  // namespace

extern const VersionSupport kCPython3_8 = {
    .minor = 8,
    .release = &kRelease,
    .debug = &kDebug,
    .magic = 3413,
    .find_position = PositionFromLnotab,
    .opcode_numbers = &kOpcodeNumbers,
    .stack_effects = {.rows = kStackEffects, .count = std::size(kStackEffects)},
    .cells_are_fast_variables = false,
    .current_frame = CurrentFrameInThreadState,
    .read_frame_links = FrameObjectLinks,
    .read_frame_contents = FrameObjectContents,
    .decode_stack_ref = StackRefPlain,
    .decode_stack_number = NoStackNumber,
    .stack_height = StackHeight::kStackTopPointer,
    .find_torn_local = TornWhileUnbound,
    .decode_long_shape = LongFromObSize,
    .decode_unicode_state = UnicodeStateWithReady,
    .read_dict_keys = DictKeysWithSize,
    .read_split_values = SplitValuesInKeyOrder,
    .read_instance_attributes = AttributesAtDictOffset,
    .read_generator = GeneratorWithRunningFlag,
    .yield_from_mark = kMarkedByYieldFrom,
    .gil_holder = GilHolderInRuntime,
};

}  // namespace pysnap
