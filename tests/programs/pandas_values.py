"""Frames, series and indexes of pandas, made in the target and where they are replayed."""

import numpy
import pandas


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
    values["appended"] = frame.assign(extra=[7.5, 8.5, 9.5])
    return values


def main():
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape
    def held():
        values = make()
        moment = pandas.Timestamp("2020-01-01 12:00:00.123456789")
        oracle.park()
        return values, moment

    suite.main()


if __name__ == "__main__":
    main()
