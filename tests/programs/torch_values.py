"""Tensors, dtypes and devices of torch, made in the target and where they are replayed."""

import torch


class Marked(torch.Tensor):
    pass


def make():
    matrix = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    parameter = torch.nn.Parameter(torch.tensor([1.5, -2.0]))
    (parameter * parameter).sum().backward()
    parameter.title = "of the parameter"
    marked = torch.tensor([1, 2]).as_subclass(Marked)
    marked.title = "of the subclass"
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    numbers = torch.tensor([1 + 2j, 3 - 4j])
    values = {
        "matrix": matrix,
        "transposed": matrix.t(),
        "part": matrix[1:, ::2],
        "expanded": matrix[0].expand(2, 4),
        "of no dimensions": torch.tensor(5),
        "empty": torch.zeros(0, 3),
        "six dimensions": torch.arange(8).reshape(1, 2, 1, 2, 1, 2),
        "large": torch.arange(100000, dtype=torch.int32),
        "parameter": parameter,
        "leaf": leaf,
        "computed": leaf * 2,
        "detached": (leaf * 2).detach(),
        "subclass": marked,
        "conjugate": numbers.conj(),
        "resolved": numbers.conj().resolve_conj(),
        "negative": numbers.conj().imag,
        "sparse": torch.eye(3).to_sparse(),
        "elsewhere": torch.empty(2, 3, device="meta"),
        "dtype": torch.bfloat16,
        "layout": torch.strided,
        "memory format": torch.channels_last,
        "device": torch.device("cpu"),
        "numbered device": torch.device("cuda", 1),
        "special": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
    }
    with torch.inference_mode():
        values["made in inference mode"] = torch.tensor([1.25])
    for name in "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128":
        values[f"of {name}"] = torch.tensor([1, 0, 3], dtype=getattr(torch, name))
    values["of bool"] = torch.tensor([True, False])
    values["of bfloat16"] = torch.tensor([1.0, -2.5, 3.140625], dtype=torch.bfloat16)
    if hasattr(torch, "uint16"):
        values["of uint16"] = torch.tensor([65535], dtype=torch.uint16)
    return values


def main():
    import oracle

    suite = oracle.Suite()
    suite.describe_locals = False

    @suite.shape
    def held():
        values = make()
        # Their gradients are no objects of Python: nobody has asked for them.
        trained = torch.nn.Parameter(torch.tensor([2.0]))
        (trained * 3).sum().backward()
        embedding = torch.nn.Embedding(3, 2, sparse=True)
        embedding(torch.tensor([1])).sum().backward()
        model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
        weights = model[0].weight.tolist()
        oracle.park()
        return values, trained, embedding, model, weights

    suite.main()


if __name__ == "__main__":
    main()
