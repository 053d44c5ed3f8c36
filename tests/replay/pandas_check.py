"""Run by an interpreter that has pandas, with pysnap and tests/programs on its path.

pandas_check.py FILE    what the values of pandas_values.py differ in from those that it makes here
"""

import json
import math
import os
import sys

import pandas
import pandas_values
import pysnap
from pysnap._numpy import Value


def main():
    snapshot = pysnap.load(sys.argv[1])
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "held"]
    values, made = frame.f_locals["values"], pandas_values.make()
    found = {}
    for name, want in made.items():
        have = facts_of_described(values[name])
        expected = facts_of_real(want)
        if have != expected or type(values[name]).__name__ != type(want).__name__:
            found[name] = f"{have} is not {expected}"
    moment = frame.f_locals["moment"]
    if (moment.year, moment.microsecond, moment._value) != (2020, 123456, 1577880000123456789):
        found["moment"] = repr(moment)
    texts = {name: repr(values[name]) for name in made}
    result = {"different": found, "count": len(made), "texts": texts, "imported": "pandas" in sys.modules}
    os.write(1, json.dumps(result).encode("ascii"))


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
    if item is None or item is pandas.NaT or item is pandas.NA or (isinstance(item, float) and math.isnan(item)):
        return None
    return item.value if isinstance(item, pandas.Timestamp) else item


main()
