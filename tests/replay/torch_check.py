"""Run by an interpreter that has torch, with pysnap and tests/programs on its path.

torch_check.py FILE           what the described values of torch_values.py differ in from those that it makes here
torch_check.py FILE import    the same for real ones
"""

import json
import os
import sys

import pysnap
import torch
import torch_values
from pysnap._torch import Device, Named, Tensor

# What no bytes of the snapshot are the items of.
ABSENT = "conjugate", "negative", "sparse", "elsewhere"


def main():
    real = sys.argv[2:] == ["import"]
    snapshot = pysnap.load(sys.argv[1], import_libraries=real)
    [frame] = [frame for thread in snapshot.threads for frame in thread.frames if frame.f_code.co_name == "held"]
    values, made = frame.f_locals["values"], torch_values.make()
    compare = difference_of_real if real else difference_of_described
    found = {name: compare(name, values.get(name), made[name]) for name in made}
    found["sharing"] = sharing(values, real)
    found["weights"] = difference_of_weights(frame.f_locals["model"], frame.f_locals["weights"])
    found["gradients"] = difference_of_gradients(frame.f_locals["trained"], frame.f_locals["embedding"], real)
    shown = {name: expected_text(value) for name, value in made.items() if name not in ABSENT}
    result = {"different": {name: what for name, what in found.items() if what}, "count": len(found), "shown": shown}
    os.write(1, json.dumps(result).encode("ascii"))


def difference_of_absent(have):
    if type(have) is not pysnap.Absent or have.reason != "unsupported":
        return f"{have!r} is not absent"
    return None


def difference_of_described(name, have, want):
    if name in ABSENT:
        return difference_of_absent(have)
    if isinstance(want, torch.device):
        same = type(have) is Device and (have.type, have.index) == (want.type, want.index)
        return None if same and repr(have) == repr(want) else f"{have!r} is not {want!r}"
    if not isinstance(want, torch.Tensor):
        return None if type(have) is Named and repr(have) == repr(want) else f"{have!r} is not {want!r}"
    if type(have) is not Tensor:
        return f"{have!r} is no description"
    facts = {
        "dtype": f"torch.{have.dtype}" == str(want.dtype),
        "device": have.device == str(want.device),
        "shape": have.shape == tuple(want.shape),
        "stride": have.stride() == want.stride(),
        "offset": have.storage_offset() == want.storage_offset(),
        "numel": have.numel() == want.numel(),
        "requires_grad": have.requires_grad == want.requires_grad,
        "attributes": {k: v for k, v in have.__dict__.items() if k == "title"} == vars(want),
        "items": repr(have.tolist()) == repr(want.tolist()),
    }
    if want.is_leaf and (have.grad is None) != (want.grad is None):
        return f"gradient {have.grad!r}"
    if want.is_leaf and want.grad is not None and have.grad.tolist() != want.grad.tolist():
        return f"gradient {have.grad!r}"
    if want.dim() == 2 and want.numel() and repr(have[1, ::2].tolist()) != repr(want[1, ::2].tolist()):
        return "another part of it"
    return ", ".join(name for name, same in facts.items() if not same)


def difference_of_real(name, have, want):
    if name in ABSENT:
        return difference_of_absent(have)
    if isinstance(want, torch.Tensor) and type(want) not in (torch.Tensor, torch.nn.Parameter):
        return difference_of_described(name, have, want)
    if type(have) is not type(want):
        return f"{type(have)}, not {type(want)}"
    if not isinstance(want, torch.Tensor):
        return None if have == want else f"{have!r} is not {want!r}"
    facts = {
        "dtype": have.dtype == want.dtype,
        "shape": have.shape == want.shape,
        "stride": have.stride() == want.stride(),
        "offset": have.storage_offset() == want.storage_offset(),
        "requires_grad": have.requires_grad == want.requires_grad,
        "attributes": have.__dict__ == want.__dict__,
        "items": repr(have.tolist()) == repr(want.tolist()),
    }
    if want.is_leaf and repr(have.grad) != repr(want.grad):
        return f"gradient {have.grad!r}"
    return ", ".join(name for name, same in facts.items() if not same)


def sharing(values, real):
    if not real:
        same = values["transposed"]._memory is values["matrix"]._memory is values["part"]._memory
        return None if same else "tensors do not share their memory"
    values["matrix"][2, 2] = 77
    seen = values["transposed"][2, 2], values["part"][1, 1]
    return None if [float(each) for each in seen] == [77, 77] else f"views see {seen}"


def difference_of_weights(model, weights):
    """A module is of Python: a bag of attributes, with its tensors in a dict."""
    found = model._modules["0"]._parameters["weight"]
    return None if found.tolist() == weights else f"{found!r}, not {weights}"


def difference_of_gradients(trained, embedding, real):
    """Of what nobody has asked for; that of the embedding is sparse."""
    if trained.grad.tolist() != [3.0] or type(trained.grad) is not (torch.Tensor if real else Tensor):
        return f"{trained.grad!r}"
    weight = embedding._parameters["weight"]
    return None if type(weight) is Tensor and type(weight.grad) is pysnap.Absent else f"{weight!r} {weight.grad!r}"


def expected_text(value):
    """What `pysnap show` writes of it."""
    if not isinstance(value, torch.Tensor):
        return repr(value)
    if value.numel() > 100:
        return None
    kind = f"{type(value).__module__}.{type(value).__qualname__}".replace("torch_values", "__main__")
    shape = "x".join(map(str, value.shape)) + " " if value.dim() else ""
    grad = "requires_grad " if value.requires_grad else ""
    return f"<{kind} {shape}{str(value.dtype)[6:]} {grad}{value.tolist()!r}>"


main()
