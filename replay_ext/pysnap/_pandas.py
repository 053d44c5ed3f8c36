"""What stands for frames, series and indexes of pandas: their contents, from the blocks that they are kept in.

Instances have the attributes that the captured ones had (`_mgr`, `_data` …); everything here is read from those.
Columns of types that are not decoded (pyarrow's, intervals, periods, sparse ones) are the object that holds them.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from pysnap._absent import Absent
from pysnap._numpy import Array

_MAX_ROWS_SHOWN = 10
_MAX_WIDTH = 20


class NotDecoded(ValueError):
    """Of values that are not there, or of an array that is not known here."""


def attribute(instance: Any, name: str) -> Any:
    """Without asking the class: of a captured one it may have a property of that name."""
    try:
        return object.__getattribute__(instance, "__dict__")[name]
    except (AttributeError, KeyError):
        pass
    try:
        found = object.__getattribute__(instance, name)
    except AttributeError:
        raise NotDecoded(f"{type(instance).__name__} has no {name}") from None
    if isinstance(found, Absent):
        raise NotDecoded(repr(found))
    return found


def is_array(value: Any) -> bool:
    """Of numpy: described, or a real one."""
    return type(value) is Array or (type(value).__module__ == "numpy" and type(value).__name__ == "ndarray")


def items_of(values: Any) -> List[Any]:
    """Those of an array of numpy, or of one of pandas, in one dimension. Missing ones of pandas' own types are None."""
    if is_array(values):
        found: List[Any] = values.tolist()
        return found
    try:
        inner = attribute(values, "_ndarray")
    except NotDecoded:
        masked = zip(items_of(_array_in(values, "_data")), items_of(_array_in(values, "_mask")))
        return [None if missing else item for item, missing in masked]
    if not is_array(inner):
        raise NotDecoded("no array in it")
    kind = type(values).__name__
    if kind == "StringArray":
        return [None if type(item).__name__ == "NAType" else item for item in items_of(inner)]
    if kind != "Categorical":
        return items_of(inner)
    categories = labels(attribute(attribute(values, "_dtype"), "_categories"))
    return [None if code < 0 else categories[code] for code in items_of(inner)]


def _array_in(values: Any, name: str) -> Any:
    found = attribute(values, name)
    if not is_array(found):
        raise NotDecoded(f"{type(values).__name__} is not decoded")
    return found


def labels(index: Any) -> List[Any]:
    """Those of an index; of a MultiIndex tuples."""
    kind = type(index).__name__
    if kind == "RangeIndex":
        return list(attribute(index, "_range"))
    if kind == "MultiIndex":
        levels = [labels(level) for level in attribute(index, "_levels")]
        codes = [items_of(code) for code in attribute(index, "_codes")]
        rows = zip(*codes)
        return [tuple(None if c < 0 else level[c] for c, level in zip(row, levels)) for row in rows]
    return items_of(attribute(index, "_data"))


def axes_of(frame: Any) -> List[Any]:
    """The index of a series; the columns and the index of a frame."""
    return list(attribute(attribute(frame, "_mgr"), "axes"))


def blocks_of(frame: Any) -> List[Any]:
    return list(attribute(attribute(frame, "_mgr"), "blocks"))


def columns_of(frame: Any) -> List[Any]:
    """Of each column what holds it: an array of numpy or pandas, of one dimension."""
    axes = axes_of(frame)
    count = len(labels(axes[0])) if len(axes) == 2 else 1
    found: List[Any] = [None] * count
    for block in blocks_of(frame):
        values = attribute(block, "values")
        for row, place in enumerate(places_of(block, count) if len(axes) == 2 else [0]):
            found[place] = _row(values, row) if len(axes) == 2 else values
    return found


def places_of(block: Any, count: int) -> List[int]:
    """Which of a frame's `count` columns the rows of its block are."""
    placement = attribute(block, "_mgr_locs")
    if attribute(placement, "_has_slice"):
        return list(range(count)[attribute(placement, "_as_slice")])
    return items_of(attribute(placement, "_as_array"))


def _row(values: Any, row: int) -> Any:
    """A block of numpy's, and pandas' of dates, has its columns as rows; others have one column."""
    if is_array(values):
        return values[row]
    try:
        inner = attribute(values, "_ndarray")
    except NotDecoded:
        return values
    return inner[row] if is_array(inner) and inner.ndim == 2 else values


def items_or_holder(holder: Any) -> Any:
    try:
        return items_of(holder)
    except NotDecoded:
        return holder


class Index:
    """`labels` of an index, `name` or of a MultiIndex `names`, by position, and how many there are."""

    @property
    def labels(self) -> List[Any]:
        return labels(self)

    def tolist(self) -> List[Any]:
        return labels(self)

    @property
    def name(self) -> Any:
        return vars(self).get("_name")

    @property
    def names(self) -> List[Any]:
        return list(vars(self).get("_names", [self.name]))

    def __len__(self) -> int:
        return len(labels(self))

    def __iter__(self) -> Iterator[Any]:
        return iter(labels(self))

    def __getitem__(self, key: Any) -> Any:
        return labels(self)[key]

    def __repr__(self) -> str:
        try:
            shown = repr(labels(self)[:_MAX_ROWS_SHOWN])
            more = len(self) - _MAX_ROWS_SHOWN
        except NotDecoded as error:
            return f"<{type(self).__name__}: {error}>"
        return f"<{type(self).__name__} {shown}{f' and {more} more' if more > 0 else ''}>"


class Series:
    """`index`, `name`, `values` (what holds the items), the items by label or position, `tolist()`, `to_dict()`."""

    @property
    def index(self) -> Any:
        return axes_of(self)[0]

    @property
    def name(self) -> Any:
        return vars(self).get("_name")

    @property
    def values(self) -> Any:
        return columns_of(self)[0]

    def tolist(self) -> List[Any]:
        return items_of(self.values)

    def to_dict(self) -> Dict[Any, Any]:
        return dict(zip(labels(self.index), self.tolist()))

    def __len__(self) -> int:
        return len(labels(self.index))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, label: Any) -> Any:
        return self.tolist()[_position(labels(self.index), label)]

    def __repr__(self) -> str:
        try:
            return _table([("", labels(self.index)), (self.name, self.tolist())], f"Series of {len(self)}")
        except NotDecoded as error:
            return f"<Series: {error}>"


class DataFrame:
    """`columns`, `index`, `shape`; a column as a list of its items by label, all of them with `to_dict()`, a row with
    `row(position)`.
    """

    @property
    def columns(self) -> Any:
        return axes_of(self)[0]

    @property
    def index(self) -> Any:
        return axes_of(self)[1]

    @property
    def shape(self) -> Tuple[int, int]:
        return len(labels(self.index)), len(labels(self.columns))

    def to_dict(self) -> Dict[Any, Any]:
        return {name: items_or_holder(holder) for name, holder in zip(labels(self.columns), columns_of(self))}

    def row(self, position: int) -> Dict[Any, Any]:
        return {name: items[position] if type(items) is list else items for name, items in self.to_dict().items()}

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(labels(self.columns))

    def __contains__(self, name: Any) -> bool:
        return name in labels(self.columns)

    def __getitem__(self, name: Any) -> Any:
        return items_or_holder(columns_of(self)[_position(labels(self.columns), name)])

    def __repr__(self) -> str:
        try:
            rows, count = self.shape
            columns: List[Tuple[Any, Any]] = [("", labels(self.index))]
            columns += zip(labels(self.columns), map(items_or_holder, columns_of(self)))
            return _table(columns, f"DataFrame of {rows} rows and {count} columns")
        except NotDecoded as error:
            return f"<DataFrame: {error}>"


def _position(names: List[Any], name: Any) -> int:
    for position, each in enumerate(names):
        if type(each) is type(name) and each == name:
            return position
    raise KeyError(name)


def _table(columns: List[Tuple[Any, Any]], title: str) -> str:
    """The beginning of it, as text."""

    def cell(value: Any) -> str:
        text = value if type(value) is str else repr(value)
        return text if len(text) <= _MAX_WIDTH else text[: _MAX_WIDTH - 1] + "…"

    shown = []
    for name, items in columns:
        cells = [cell(item) for item in items[:_MAX_ROWS_SHOWN]] if type(items) is list else [cell(items)]
        shown.append([cell(name), *cells])
    height = max(len(cells) for cells in shown)
    widths = [max(map(len, cells)) for cells in shown]
    lines = [
        "  ".join((cells[row] if row < len(cells) else "").rjust(width) for cells, width in zip(shown, widths))
        for row in range(height)
    ]
    longest = max((len(items) for _, items in columns if type(items) is list), default=0)
    more = [f"and {longest - _MAX_ROWS_SHOWN} more"] if longest > _MAX_ROWS_SHOWN else []
    return "\n".join([f"<{title}>", *lines, *more])


_INDEXES = {
    "Index": "base",
    "RangeIndex": "range",
    "MultiIndex": "multi",
    "DatetimeIndex": "datetimes",
    "TimedeltaIndex": "timedeltas",
    "CategoricalIndex": "category",
    "Int64Index": "numeric",
    "Float64Index": "numeric",
    "UInt64Index": "numeric",
}


def pandas_types() -> Dict[Tuple[str, str], type]:
    """By the module and the name of the type, as it was called up to 2.x and as it is called since."""
    kinds: Dict[str, type] = {
        name: type(name, (Index,), {"__module__": "pandas"}) if name != "Index" else Index for name in _INDEXES
    }
    found: Dict[Tuple[str, str], type] = {("pandas", name): cls for name, cls in kinds.items()}
    found.update({(f"pandas.core.indexes.{_INDEXES[name]}", name): cls for name, cls in kinds.items()})
    for cls, module in (Series, "pandas.core.series"), (DataFrame, "pandas.core.frame"):
        found["pandas", cls.__name__] = found[module, cls.__name__] = cls
    return found


PANDAS_TYPES = pandas_types()
