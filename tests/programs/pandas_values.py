"""Frames, series and indexes of pandas, made in the target and where they are replayed."""

from datetime import timezone

import numpy
import pandas

UTC = timezone.utc


def make():
    # Texts are objects in every version, and not pyarrow's where that is installed.
    texts = pandas.Series(["x", "y", None], dtype=object)
    frame = pandas.DataFrame(
        {
            "number": [1, 2, 3],
            "real": [1.5, 2.5, None],
            "text": texts,
            "other": [4, 5, 6],
            "moment": pandas.to_datetime(["2020-01-01", "2021-01-01", None]),
            "kind": pandas.Categorical(["u", "v", "u"], categories=numpy.array(["v", "u"], dtype=object)),
            "nullable": pandas.array([1, None, 3], dtype="Int64"),
            "flag": [True, False, True],
        }
    )
    many = pandas.MultiIndex.from_tuples([(1, 2.5), (3, 4.5)], names=["i", "j"])
    values = {
        "frame": frame,
        "by text": frame.set_index("other"),
        "part": frame.iloc[1:, :2],
        "reversed": frame[["real", "number"]].iloc[::-1],
        "many": pandas.DataFrame({"v": [1, 2]}, index=many),
        "empty": pandas.DataFrame({"a": numpy.zeros(0)}),
        "column": frame["number"],
        "series": pandas.Series([1.0, 2.0], index=[10, 20], name="named"),
        "range": frame.index,
        "index": pandas.Index([3, 1, 2], name="index"),
        "moments": pandas.date_range("2020-01-01", periods=3),
        "many index": many,
        "kinds": pandas.CategoricalIndex(numpy.array(["a", "b", "a"], dtype=object)),
    }
    values["zoned"] = pandas.DataFrame({name: pandas.date_range("2020-01-01", periods=3, tz=UTC) for name in "ab"})
    values["spans"] = pandas.Series(pandas.to_timedelta([1, None, 3], unit="s"))
    values["texts"] = pandas.Series(["a", None, "\u20ac"], dtype="string")
    values["quarters"] = pandas.date_range("2020-01-01", periods=3, freq=pandas.offsets.QuarterEnd(startingMonth=2))
    values["years"] = pandas.date_range("2020-01-01", periods=3, freq=pandas.offsets.YearEnd(2, month=6))
    values["weeks"] = pandas.DataFrame(
        {"v": [1, 2, 3]}, index=pandas.date_range("2020-01-01", periods=3, freq=pandas.offsets.Week(weekday=2))
    )
    values["objects"] = pandas.Series(
        [1, "two", pandas.Timestamp("2020-02-29", tz=UTC), None, pandas.NaT], dtype=object
    )
    values["no columns"] = pandas.DataFrame(index=[3, 4])
    values["twice"] = pandas.DataFrame([[1, 2.5], [3, 4.5]], columns=["c", "c"], index=["r", "r"])
    frame.attrs["title"] = "of the frame"
    values["series"].flags.allows_duplicate_labels = False
    values["appended"] = frame.assign(extra=[7.5, 8.5, 9.5])
    return values


def main():
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape
    def held():
        values = make()
        moment, aware = pandas.Timestamp("2020-01-01 12:00:00.123456789"), pandas.Timestamp("2021-07-01", tz=UTC)
        span, nothing = pandas.Timedelta(days=3, nanoseconds=7), (pandas.NaT, pandas.NA)
        oracle.park()
        return values, moment, aware, span, nothing

    suite.main()


if __name__ == "__main__":
    main()
