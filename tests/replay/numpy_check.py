"""Run by an interpreter that has numpy, with pysnap and tests/programs on its path.

numpy_check.py FILE           what the described values of numpy_values.py differ in from those that it makes here
numpy_check.py FILE import    the same for real ones
"""

import json
import os
import sys

import numpy
import numpy_values
import pysnap
from pysnap._numpy import Array, DType, Scalar, Value


def main():
    real = sys.argv[2:] == ["import"]
    snapshot = pysnap.load(sys.argv[1], import_libraries=real)
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "held"]
    values, made = frame.f_locals["values"], numpy_values.make()
    compare = difference_of_real if real else difference_of_described
    found = {name: compare(values.get(name), made[name]) for name in made}
    found["sharing"] = sharing_of_real(values) if real else sharing_of_described(values)
    cycle = frame.f_locals["cycle"]
    found["cycle"] = None if cycle[0] is cycle else "an array that holds itself does not"
    shown = {name: expected_text(name, value) for name, value in made.items()}
    result = {"different": {name: what for name, what in found.items() if what}, "count": len(found), "shown": shown}
    os.write(1, json.dumps(result).encode("ascii"))


def difference_of_described(have, want):
    if isinstance(want, numpy.dtype):
        return None if type(have) is DType and same_dtype(have, want) else f"{have!r} is not {want!r}"
    if isinstance(want, numpy.ndarray):
        if type(have) is not Array or not same_dtype(have.dtype, want.dtype):
            return f"{have!r} is of another kind than {want!r}"
        facts = "shape", "ndim", "size", "itemsize", "nbytes"
        if any(getattr(have, name) != getattr(want, name) for name in facts):
            return f"{have.shape}, not {want.shape}"
        if want.size > 1 and have.strides != want.strides:
            return f"strides {have.strides}, not {want.strides}"
        if type(want) is numpy_values.Image and have.__dict__ != {"title": "of the matrix"}:
            return f"attributes {have.__dict__}"
        if want.dtype.hasobject:
            return None if have.tolist() == want.tolist() else f"{have.tolist()} is not {want.tolist()}"
        if not same_items(have.tolist(), want):
            return f"{have.tolist()!r:.200} is not {want.tolist()!r:.200}"
        # numpy itself takes it for what it was.
        gaps = want.dtype.names is not None and ("", "|V7") in want.dtype.descr  # which become fields
        if want.size and not gaps and not same_array(numpy.asarray(have), numpy.asarray(want)):
            return f"{numpy.asarray(have)!r:.200} is not {want!r:.200}"
        if want.ndim == 2 and want.size and not same_items(have[1, ::-1].tolist(), numpy.asarray(want)[1, ::-1]):
            return "another part of it"
        return None
    if isinstance(want, (float, complex, str, bytes)):
        return None if have == want and type(have).__name__ == type(want).__name__ else f"{have!r} is not {want!r}"
    if type(have) is not Scalar:
        return f"{have!r} is no scalar"
    return None if same_item(have.value, want.item(), want) else f"{have!r} is not {want!r}"


def same_dtype(have, want):
    return (
        have.itemsize == want.itemsize
        and have.kind == want.kind
        and numpy.dtype(have.descr) == want
        and (have.names == want.names)
    )


def same_items(have, want):
    """Of what tolist() gave, and an array."""
    if want.ndim == 0:
        return same_item(have, want.item(), want)
    return type(have) is list and len(have) == len(want) and all(map(same_items, have, map(numpy.asarray, parts(want))))


def parts(array):
    array = numpy.asarray(array)
    return [array[index : index + 1].reshape(array.shape[1:]) for index in range(len(array))]


def same_item(have, want, scalar):
    if type(have) is Value and have.count is None:  # a long double that no float holds
        return have.raw == scalar.tobytes()[:10]
    if type(have) is Value:
        whole = numpy.datetime_data(scalar.dtype)
        unit = f"[{whole[0] if whole[1] == 1 else str(whole[1]) + whole[0]}]"
        return have.kind == scalar.dtype.kind and have.unit == unit and have.count == int(scalar.astype("i8"))
    if scalar.dtype.char == "g":
        return have == float(scalar)
    if isinstance(want, tuple):
        return type(have) is tuple and len(have) == len(want) and all(map(same_plain, have, want))
    return same_plain(have, want)


def same_plain(have, want):
    if isinstance(want, numpy.ndarray):
        return have == want.tolist()
    if isinstance(want, tuple):
        return type(have) is tuple and len(have) == len(want) and all(map(same_plain, have, want))
    return type(have) is type(want) and repr(have) == repr(want)


def same_array(have, want):
    if have.dtype.char == "g":  # with six bytes of padding in each
        return have.dtype == want.dtype and numpy.array_equal(have, want)
    return have.dtype == want.dtype and have.shape == want.shape and have.tobytes() == want.tobytes()


def sharing_of_described(values):
    shared = values["objects"][3] is values["with objects"].tolist()[0][1] is values["objects"][4]
    views = values["transposed"].base is values["matrix"].base and values["field"].base is values["structured"]
    return None if shared and views else f"objects shared: {shared}, views: {views}"


def difference_of_real(have, want):
    # Of arrays, those of just that type are.
    described = (numpy.dtype, numpy.void)
    if isinstance(want, described) or (isinstance(want, numpy.ndarray) and type(want) is not numpy.ndarray):
        return difference_of_described(have, want)
    if type(have) is not type(want):
        return f"{type(have)}, not {type(want)}"
    if isinstance(want, numpy.ndarray):
        if have.strides != want.strides and want.size > 1:
            return f"strides {have.strides}, not {want.strides}"
        if have.flags.writeable != want.flags.writeable:
            return "writeable or not"
        if want.dtype.hasobject:
            return None if have.dtype == want.dtype and have.tolist() == want.tolist() else f"{have!r} is not {want!r}"
        return None if same_array(have, want) else f"{have!r:.200} is not {want!r:.200}"
    return None if have.tobytes()[:10] == want.tobytes()[:10] else f"{have!r} is not {want!r}"


def sharing_of_real(values):
    values["matrix"][2, 2] = 77
    seen = values["transposed"][2, 2], values["column"][2], values["backwards"][0, 1], values["image"][2, 2]
    return None if seen == (77, 77, 77, 77) else f"views see {seen}"


def expected_text(name, value):
    """What `pysnap show` writes of an array of plain items; None for others."""
    plain = type(value) is numpy.ndarray and value.dtype.kind in "biufcSUO" and value.dtype.char != "g"
    if not plain or name == "large":
        return None
    shape = "x".join(map(str, value.shape)) + " " if value.shape else ""
    kind = value.dtype.kind
    size = value.itemsize // (4 if kind == "U" else 1)
    dtype = {"S": f"S{size}", "U": f"U{size}"}.get(kind, value.dtype.name)
    order = ">" if value.dtype.str[0] == ">" else ""
    return f"<numpy.ndarray {shape}{order}{dtype} {value.tolist()!r}>"


main()
