"""Run by an interpreter that has pandas, with pysnap and tests/programs on its path.

pandas_check.py FILE           what the values of pandas_values.py differ in from those that it makes here
pandas_check.py FILE import    the same for real ones
"""

import json
import math
import os
import sys

import numpy
import pandas
import pandas_values
import pysnap
from pysnap._numpy import Value

# Nanoseconds of the units, as numpy counts those.
SCALES = {7: 10**9, 8: 10**6, 9: 10**3, 10: 1}


def main():
    real = sys.argv[2:] == ["import"]
    snapshot = pysnap.load(sys.argv[1], import_libraries=real)
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "held"]
    values, made = frame.f_locals["values"], pandas_values.make()
    compare = difference_of_real if real else difference_of_described
    found = {name: compare(values[name], want) for name, want in made.items()}
    found["alone"] = (alone_of_real if real else alone_of_described)(frame.f_locals)
    if real:
        found["whole"] = whole(values, made)
    different = {name: what for name, what in found.items() if what is not None}
    texts = {name: repr(values[name]) for name in made}
    result = {"different": different, "count": len(found), "texts": texts}
    os.write(1, json.dumps(result).encode("ascii"))


def difference_of_described(have, want):
    if isinstance(want, pandas.DataFrame) and not want.columns.is_unique:  # by name only the first of them is told
        return None if have.shape == want.shape else f"{have.shape}"
    facts, expected = facts_of_described(have), facts_of_real(want)
    return None if facts == expected and type(have).__name__ == type(want).__name__ else f"{facts} is not {expected}"


def alone_of_described(names):
    moment = names["moment"]
    facts = moment.year, moment.microsecond, moment._value
    return None if facts == (2020, 123456, 1577880000123456789) else repr(moment)


def difference_of_real(have, want):
    if type(have) is not type(want):
        return f"{type(have)} is not {type(want)}"
    check = {"DataFrame": "frame", "Series": "series"}.get(type(want).__name__, "index")
    try:
        getattr(pandas.testing, f"assert_{check}_equal")(have, want)
    except AssertionError as error:
        return str(error)
    same_text = repr(have) == repr(want) and getattr(have, "freq", None) == getattr(want, "freq", None)
    return None if same_text else f"{have!r} is not {want!r}"


def alone_of_real(names):
    nothing = names["nothing"]
    want = pandas.Timestamp("2020-01-01 12:00:00.123456789"), pandas.Timestamp("2021-07-01", tz=pandas_values.UTC)
    have = names["moment"], names["aware"]
    same = have == want and [at.unit for at in have] == [at.unit for at in want] and have[1].tzinfo is want[1].tzinfo
    span = names["span"] == pandas.Timedelta(days=3, nanoseconds=7) and names["span"].nanoseconds == 7
    return None if same and span and nothing[0] is pandas.NaT and nothing[1] is pandas.NA else repr((have, nothing))


def whole(values, made):
    """They are as good as any: memory is shared where it was, what was set is, and pandas works with them."""

    def shared(values):
        return numpy.shares_memory(values["column"].to_numpy(), values["frame"]["number"].to_numpy())

    frame, want = values["frame"], made["frame"]
    if shared(values) != shared(made):
        return "the column's memory"
    if frame.attrs != want.attrs:
        return "attributes"
    if values["range"] is not frame.index:
        return "the index is another one"
    for each in frame, want:
        each.loc[1, "number"] = 20
        each["new"] = each["number"] * 2
        each.flags.allows_duplicate_labels = False
    totals = [each.groupby("flag", observed=True)["new"].sum().to_dict() for each in (frame, want)]
    return None if totals[0] == totals[1] and frame.equals(want) else f"{totals}\n{frame}\n{want}"


def facts_of_described(value):
    kind = type(value).__name__
    if kind == "DataFrame":
        table = {name: [plain(item) for item in items] for name, items in value.to_dict().items()}
        same = all(value[name] is not None and name in value for name in value)
        rows = [{name: plain(item) for name, item in value.row(i).items()} for i in range(len(value))]
        by_row = {name: [row[name] for row in rows] for name in value}
        return table, labels(value.index), value.shape, same and by_row == table
    if kind == "Series":
        items = [plain(item) for item in value]
        assert {name: plain(item) for name, item in value.to_dict().items()} == dict(zip(labels(value.index), items))
        return items, labels(value.index), value.name
    return labels(value), list(value.names)


def facts_of_real(value):
    if isinstance(value, pandas.DataFrame):
        table = {name: [plain(item) for item in value[name].tolist()] for name in value.columns}
        return table, labels(value.index), value.shape, True
    if isinstance(value, pandas.Series):
        return [plain(item) for item in value.tolist()], labels(value.index), value.name
    return labels(value), list(value.names)


def labels(index):
    return [plain(label) for label in index]


def plain(item):
    """Comparable: what is missing as None, moments by their nanoseconds."""
    if isinstance(item, tuple):
        return tuple(map(plain, item))
    if type(item) is Value:
        scale = {"[ns]": 1, "[us]": 10**3, "[ms]": 10**6, "[s]": 10**9}[item.unit]
        return None if item.count == -(2**63) else item.count * scale
    if type(item) is pysnap.Absent and "NaTType" in repr(item):  # of which nothing but its type is known
        return None
    if type(item).__name__ == "Timestamp" and type(item) is not pandas.Timestamp:
        return item._value * SCALES[item._creso]
    if item is None or item is pandas.NaT or item is pandas.NA or (isinstance(item, float) and math.isnan(item)):
        return None
    return item.value if isinstance(item, (pandas.Timestamp, pandas.Timedelta)) else item


main()
