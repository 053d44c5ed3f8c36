"""Arrays, dtypes and scalars of numpy, made in the target and where they are replayed."""

import numpy


class Image(numpy.ndarray):
    pass


def make():
    matrix = numpy.arange(12, dtype="f8").reshape(3, 4)
    record = [("number", "i4"), ("real", "f8"), ("text", "U2")]
    structured = numpy.array([(1, 2.5, "x"), (3, 4.5, "y")], dtype=record)
    held = ["shared"]
    objects = numpy.array([1, "two", None, held, held], dtype=object)
    with_objects = numpy.array([(1, held), (2, None)], dtype=[("number", "i4"), ("held", "O")])
    nested = numpy.dtype([("inner", record), ("pair", ">i2", (2, 2))])
    image = matrix.view(Image)
    image.title = "of the matrix"
    values = {
        "matrix": matrix,
        "transposed": matrix.T,
        "backwards": matrix[::-1, 1:3],
        "column": matrix[:, 2],
        "of no dimensions": numpy.array(5),
        "empty": numpy.zeros((0, 3), "i4"),
        "fortran": numpy.asfortranarray(numpy.arange(6, dtype="i2").reshape(2, 3)),
        "broadcast": numpy.broadcast_to(numpy.array([1, 2]), (3, 2)),
        "of bytes": numpy.frombuffer(b"\x01\x02\x03\x04", dtype="<u2"),
        "texts": numpy.array(["a", "bcd", "\u65e5\u672c"]),
        "raw texts": numpy.array([b"x", b"yz"]),
        "objects": objects,
        "objects backwards": objects[::-2],
        "structured": structured,
        "field": structured["real"],
        "with objects": with_objects,
        "aligned": numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "f8")], align=True)),
        "nested": numpy.ones(2, nested),
        "records": structured.view(numpy.recarray),
        "image": image,
        "days": numpy.array(["2020-02-29", "NaT", "0001-01-01", "1969-12-31"], dtype="M8[D]"),
        "instants": numpy.array(["2020-01-02T03:04:05.123456789", "1969-12-31T23:59:59"], dtype="M8[ns]"),
        "quarters": numpy.array([1, -2], dtype="m8[15m]"),
        "complex": numpy.array([1 + 2j, -0.0 - 4j], dtype="c8"),
        "special": numpy.array([numpy.nan, numpy.inf, -0.0, 5e-324, 1.7976931348623157e308]),
        "swapped": numpy.array([1, -2], dtype=">i4"),
        "swapped complex": numpy.array([1 - 2j], dtype=">c16"),
        "swapped text": numpy.array(["ab"], dtype=">U3"),
        "large": numpy.arange(100000, dtype="u2"),
        "read only": read_only(numpy.array([1.5])),
        "scalar of void": structured[1],
        "dtype": numpy.dtype("f8"),
        "structured dtype": structured.dtype,
        "nested dtype": nested,
        "dtype of arrays": numpy.dtype(("f4", (2, 2))),
        "float64": numpy.float64(2.5),
        "complex128": numpy.complex128(1 - 2j),
        "str_": numpy.str_("abc"),
        "bytes_": numpy.bytes_(b"x\0y"),
        "datetime64": numpy.datetime64("2020-01-01T00:00", "m"),
        "timedelta64": numpy.timedelta64(-7, "ms"),
        "no time": numpy.datetime64("NaT", "s"),
        "bool": numpy.bool_(True),
    }
    for code in "bBhHiIlLqQefdg":
        dtype = numpy.dtype(code)
        least = -1.5 if dtype.kind == "f" else numpy.iinfo(dtype).min
        values[f"array of {code}"] = numpy.array([least, 1], dtype)
        values[f"scalar of {code}"] = dtype.type(least)
    return values


def read_only(array):
    array.flags.writeable = False
    return array


def main():
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape
    def held():
        values = make()
        cycle = numpy.empty(1, dtype=object)
        cycle[0] = cycle
        oracle.park()
        return values, cycle

    suite.main()


if __name__ == "__main__":
    main()
