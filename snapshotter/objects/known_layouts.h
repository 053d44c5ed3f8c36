// The layouts that pysnap brings along, as a plugin would declare them.
#ifndef PYSNAP_OBJECTS_KNOWN_LAYOUTS_H_
#define PYSNAP_OBJECTS_KNOWN_LAYOUTS_H_

namespace pysnap {

// Classes of pandas that are written in Cython (pandas/_libs/internals.pyx, arrays.pyx, tslibs/timestamps.pyx,
// timedeltas.pyx, offsets.pyx; measured on 2.0 to 3.1): their fields stand behind the header and the table of their C
// methods.
inline constexpr char kKnownLayouts[] = R"({"types": [
  {"name": "pandas._libs.arrays.NDArrayBacked", "size": 40, "fields": [
    {"name": "_ndarray", "type": "object", "offset": 24},
    {"name": "_dtype", "type": "object", "offset": 32}]},
  {"name": "pandas._libs.internals.BlockManager", "size": 64, "fields": [
    {"name": "blocks", "type": "object", "offset": 24},
    {"name": "axes", "type": "object", "offset": 32}]},
  {"name": "pandas._libs.internals.BlockManager", "size": 80, "fields": [
    {"name": "blocks", "type": "object", "offset": 24},
    {"name": "axes", "type": "object", "offset": 32}]},
  {"name": "pandas._libs.internals.SharedBlock", "size": 48, "fields": [
    {"name": "_mgr_locs", "type": "object", "offset": 24},
    {"name": "ndim", "type": "int32", "offset": 40}]},
  {"name": "pandas._libs.internals.NumpyBlock", "size": 56, "fields": [
    {"name": "values", "type": "object", "offset": 48}]},
  {"name": "pandas._libs.internals.NDArrayBackedBlock", "size": 56, "fields": [
    {"name": "values", "type": "object", "offset": 48}]},
  {"name": "pandas._libs.internals.Block", "size": 56, "fields": [
    {"name": "_mgr_locs", "type": "object", "offset": 24},
    {"name": "ndim", "type": "int32", "offset": 40},
    {"name": "values", "type": "object", "offset": 48}]},
  {"name": "pandas._libs.internals.BlockPlacement", "size": 56, "fields": [
    {"name": "_as_slice", "type": "object", "offset": 24},
    {"name": "_as_array", "type": "object", "offset": 32},
    {"name": "_has_slice", "type": "bool", "offset": 40},
    {"name": "_has_array", "type": "bool", "offset": 44}]},
  {"name": "pandas._libs.tslibs.timestamps._Timestamp", "size": 88, "fields": [
    {"name": "_value", "type": "int64", "offset": 56},
    {"name": "_nanosecond", "type": "int32", "offset": 64},
    {"name": "_creso", "type": "int32", "offset": 80}]},
  {"name": "pandas._libs.tslibs.timedeltas._Timedelta", "size": 128, "fields": [
    {"name": "_value", "type": "int64", "offset": 48},
    {"name": "_creso", "type": "int32", "offset": 120}]},
  {"name": "pandas._libs.tslibs.offsets.BaseOffset", "size": 40, "fields": [
    {"name": "n", "type": "int64", "offset": 16},
    {"name": "normalize", "type": "bool", "offset": 24}]},
  {"name": "pandas._libs.tslibs.offsets.QuarterOffset", "size": 56, "fields": [
    {"name": "startingMonth", "type": "int32", "offset": 48}]},
  {"name": "pandas._libs.tslibs.offsets.YearOffset", "size": 56, "fields": [
    {"name": "month", "type": "int32", "offset": 48}]},
  {"name": "pandas._libs.tslibs.offsets.Week", "size": 64, "fields": [
    {"name": "weekday", "type": "object", "offset": 48}]}]})";

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_KNOWN_LAYOUTS_H_
