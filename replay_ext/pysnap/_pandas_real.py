"""Frames, series, indexes, moments and spans as pandas' own, for whoever says that pandas may be imported.

They are first described, as _pandas.py has it, with numpy's own arrays in them. Each is then made anew by a constructor
of pandas, which gets those arrays, and the description becomes that. What holds something that cannot be made stays
described: intervals, periods, sparse and pyarrow's arrays, frequencies of more than a count, time zones that are not
there.
"""

from __future__ import annotations

import datetime
import gc
import sys
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

from pysnap._numpy import DType
from pysnap._pandas import (
    PANDAS_TYPES,
    DataFrame,
    Index,
    NotDecoded,
    attribute,
    axes_of,
    blocks_of,
    is_array,
    places_of,
)
from pysnap._parts import Parts, number

Name = Tuple[str, str]

# NPY_DATETIMEUNIT as _creso of pandas has it.
_UNITS = {7: "s", 8: "ms", 9: "us", 10: "ns"}
_TICKS = "Day", "Hour", "Minute", "Second", "Milli", "Micro", "Nano"
_FREQUENCIES = {
    *_TICKS,
    *(f"{period}{end}" for period in ("Month", "Quarter", "Year") for end in ("Begin", "End")),
    "Week",
}
# What a frequency says besides how many of it and whether at midnight: only some of them have these.
_ANCHORS = "startingMonth", "month", "weekday"
_HASHED = type(None), bool, int, float, complex, str, bytes, datetime.date, datetime.time, datetime.timedelta
_MASKED = "IntegerArray", "FloatingArray", "BooleanArray"


class RealFrames:
    """Of one load: it ends with `finish()`, by when everything that frames hold exists."""

    def __init__(self) -> None:
        import numpy  # type: ignore[import-not-found,unused-ignore]
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        self._numpy = numpy
        self._pandas = pandas
        # Of this load alone, so that its instances are known by them.
        fresh = {cls: type(cls.__name__, (cls,), {"__module__": "pandas"}) for cls in set(PANDAS_TYPES.values())}
        self._types = {name: fresh[cls] for name, cls in PANDAS_TYPES.items()}
        self._open: List[int] = []  # the ids of those that are being made

    def known_types(self) -> Dict[Name, type]:
        """In place of PANDAS_TYPES."""
        return self._types

    def builders(self) -> Dict[Name, Callable[[Parts], Any]]:
        """By the module and the name of the type."""
        pandas = self._pandas
        named = {"Timestamp": self._timestamp, "Timedelta": self._timedelta}
        modules = {"Timestamp": "pandas._libs.tslibs.timestamps", "Timedelta": "pandas._libs.tslibs.timedeltas"}
        found: Dict[Name, Callable[[Parts], Any]] = {}
        for name, make in named.items():
            found["pandas", name] = found[modules[name], name] = make
        for module in "pandas.api.typing", "pandas._libs.tslibs.nattype":
            found[module, "NaTType"] = lambda parts: pandas.NaT
        for module in "pandas.api.typing", "pandas._libs.missing":
            found[module, "NAType"] = lambda parts: pandas.NA
        return found

    def finish(self) -> None:
        kinds = set(self._types.values())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for described in [each for each in gc.get_objects() if type(each) in kinds]:
                try:
                    self._real(described)
                except Exception:  # what is in it, and what pandas makes of that, can be anything
                    continue

    def _real(self, described: Any) -> Any:
        """The same object, which is pandas' own from then on. NotDecoded and whatever pandas raises where it is not."""
        pandas = self._pandas
        if isinstance(described, (pandas.Index, pandas.Series, pandas.DataFrame)):
            return described
        if type(described) not in set(self._types.values()):
            raise NotDecoded(f"{type(described).__name__} is not made")
        if id(described) in self._open:
            raise NotDecoded("it is a part of itself")
        self._open.append(id(described))
        try:
            made = self._made(described)
        finally:
            self._open.pop()
        extra = {name: value for name, value in vars(described).items() if not name.startswith("_")}
        described.__class__ = type(made)
        vars(described).clear()
        vars(described).update({**extra, **vars(made)})
        self._refer_to(described)
        return described

    def _refer_to(self, real: Any) -> None:
        """In place of what its parts refer to weakly: the one that it was made as."""
        pandas = self._pandas
        if isinstance(real, pandas.Index):
            references = vars(real).get("_references")
            if references is not None:
                references.add_index_reference(real)
        else:
            allowed = real.flags.allows_duplicate_labels
            object.__setattr__(real, "_flags", pandas.Flags(real, allows_duplicate_labels=allowed))

    def _made(self, described: Any) -> Any:
        if isinstance(described, Index):
            return self._index(described)
        made = self._frame(described) if isinstance(described, DataFrame) else self._series(described)
        attrs = vars(described).get("_attrs")
        if type(attrs) is dict:
            vars(made)["_attrs"] = attrs
        if attribute(attribute(described, "_flags"), "_allows_duplicate_labels") is False:
            made.flags.allows_duplicate_labels = False
        return made

    def _index(self, described: Any) -> Any:
        pandas = self._pandas
        kind = type(described).__name__
        if kind == "MultiIndex":
            levels = [self._real(level) for level in attribute(described, "_levels")]
            codes = list(attribute(described, "_codes"))
            names = list(map(self._label, attribute(described, "_names")))
            # pandas' own check would look for the labels, by their hashes.
            for level, places in zip(levels, codes):
                if places.size and not -1 <= places.min() <= places.max() < len(level):
                    raise NotDecoded("labels are missing")
            return pandas.MultiIndex(levels, codes, names=names, verify_integrity=False)
        name = self._label(attribute(described, "_name"))
        if kind == "RangeIndex":
            return pandas.RangeIndex(attribute(described, "_range"), name=name)
        values = self._array(attribute(described, "_data"))
        made = pandas.Index(values, dtype=values.dtype, name=name, copy=False)
        if type(made).__name__ != kind:
            raise NotDecoded(f"{kind} is another one here")
        freq = _or_none(described, "_freq")  # from pandas 3.1 on; before, the array has it
        return made if freq is None else type(made)(made, freq=self._frequency(freq))

    def _label(self, label: Any) -> Any:
        """What pandas may hash while it makes something. A file may nest tuples deeper than the stack is."""
        for item in label if type(label) is tuple else (label,):
            if not isinstance(item, (*_HASHED, self._numpy.generic, type(self._pandas.NaT))):
                raise NotDecoded("a label that may not be hashed")
        return label

    def _series(self, described: Any) -> Any:
        [index] = map(self._real, axes_of(described))
        [block] = blocks_of(described)
        return self._column(attribute(block, "values"), None, index, self._label(attribute(described, "_name")))

    def _frame(self, described: Any) -> Any:
        columns, index = map(self._real, axes_of(described))
        found: Dict[int, Any] = {}
        for block in blocks_of(described):
            values = attribute(block, "values")
            for row, place in enumerate(places_of(block, len(columns))):
                found[place] = self._column(values, row, index, None)
        if sorted(found) != list(range(len(columns))):
            raise NotDecoded("columns are missing")
        made = self._pandas.DataFrame({place: found[place] for place in sorted(found)}, index=index, copy=False)
        made.columns = columns
        return made

    def _column(self, values: Any, row: Optional[int], index: Any, name: Any) -> Any:
        array = self._array(values, row)
        return self._pandas.Series(array, index=index, dtype=array.dtype, name=name, copy=False)

    def _array(self, values: Any, row: Optional[int] = None) -> Any:
        """What holds the items of one dimension; of a block of several columns its `row`."""
        pandas = self._pandas
        kind = type(values).__name__
        if isinstance(values, self._numpy.ndarray):
            return values if row is None or values.ndim == 1 else values[row]
        if is_array(values):
            raise NotDecoded("an array that is not numpy's own")
        if kind in _MASKED:
            return getattr(pandas.arrays, kind)(attribute(values, "_data"), attribute(values, "_mask"), copy=False)
        inner = attribute(values, "_ndarray")
        if not isinstance(inner, self._numpy.ndarray):
            raise NotDecoded("an array that is not numpy's own")
        if row is not None and inner.ndim == 2:
            inner = inner[row]
        dtype = attribute(values, "_dtype")
        if kind == "Categorical":
            categories = self._real(attribute(dtype, "_categories"))
            if categories.dtype == object:
                for label in categories:
                    self._label(label)
            whole = pandas.CategoricalDtype(categories, attribute(dtype, "_ordered"))
            return pandas.Categorical.from_codes(inner, dtype=whole)
        if kind in ("DatetimeArray", "TimedeltaArray"):
            return self._moments(inner, dtype, _or_none(values, "_freq"))
        if kind == "StringArray":
            return self._strings(inner, dtype)
        raise NotDecoded(f"{kind} is not made")

    def _moments(self, inner: Any, dtype: Any, freq: Any) -> Any:
        pandas = self._pandas
        cls = pandas.DatetimeIndex if inner.dtype.kind == "M" else pandas.TimedeltaIndex
        made = cls(inner)
        if type(dtype) is not DType:
            made = made.tz_localize("UTC").tz_convert(self._zone(attribute(dtype, "_tz")))
        return (made if freq is None else cls(made, freq=self._frequency(freq))).array

    def _zone(self, zone: Any) -> Any:
        """One of this interpreter, or of pytz by its name."""
        if type(zone) in _zone_types():
            return zone
        name = attribute(type(zone), "zone") if type(zone).__module__.startswith("pytz") else None
        if type(name) is not str:
            raise NotDecoded("a time zone that is not there")
        import pytz  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pytz.timezone(name)

    def _frequency(self, freq: Any) -> Any:
        kind = type(freq).__name__
        if kind not in _FREQUENCIES:
            raise NotDecoded(f"the frequency {kind} is not made")
        anchors = {name: found for name in _ANCHORS for found in [_or_none(freq, name)] if found is not None}
        return getattr(self._pandas.offsets, kind)(attribute(freq, "n"), bool(attribute(freq, "normalize")), **anchors)

    def _strings(self, inner: Any, dtype: Any) -> Any:
        pandas = self._pandas
        missing = _or_none(dtype, "_na_value")  # from pandas 2.3 on
        if missing is None or missing is pandas.NA:
            return pandas.array(inner, dtype=pandas.StringDtype("python"))
        return pandas.array(inner, dtype=pandas.StringDtype("python", na_value=missing))

    def _timestamp(self, parts: Parts) -> Any:
        made = self._pandas.Timestamp(self._numpy.datetime64(number(parts, "_value"), _unit(parts)))
        if parts.get("tzinfo") is not None:
            made = made.tz_localize("UTC").tz_convert(self._zone(parts["tzinfo"]))
        return made

    def _timedelta(self, parts: Parts) -> Any:
        return self._pandas.Timedelta(self._numpy.timedelta64(number(parts, "_value"), _unit(parts)))


def _zone_types() -> Tuple[type, ...]:
    if sys.version_info < (3, 9):
        return (datetime.timezone,)
    import zoneinfo

    return datetime.timezone, zoneinfo.ZoneInfo


def _or_none(instance: Any, name: str) -> Any:
    try:
        return attribute(instance, name)
    except NotDecoded:
        return None


def _unit(parts: Parts) -> str:
    return _UNITS[number(parts, "_creso")]
