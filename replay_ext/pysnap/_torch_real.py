"""Tensors as torch's own, for whoever says that torch may be imported.

What is captured is described in _torch.py. Only what is just of type `torch.Tensor` or `torch.nn.Parameter` becomes a
real one; what cannot is described. How a tensor was computed (`grad_fn`) is not captured: it is made as a leaf.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from pysnap._parts import Parts, data, number, sizes
from pysnap._torch import Tensor


class RealTensors:
    """Of one load."""

    def __init__(self) -> None:
        import torch  # type: ignore[import-not-found,unused-ignore]

        self._torch = torch
        # By the id of a tensor: what its items lie in.
        self._memory: Dict[int, bytearray] = {}

    def builders(self) -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
        """By the module and the name of the type."""
        torch = self._torch
        return {
            ("torch", "Tensor"): self._tensor,
            ("torch.nn.parameter", "Parameter"): self._parameter,
            ("torch", "device"): self._device,
            ("torch", "dtype"): self._named(torch.dtype),
            ("torch", "layout"): self._named(torch.layout),
            ("torch", "memory_format"): self._named(torch.memory_format),
        }

    def stand_ins(self) -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
        """In place of those of the same names in torch_stand_ins()."""
        return {("torch", "Tensor"): self._described}

    def _tensor(self, parts: Parts) -> Any:
        memory = self._memory_of(parts)
        made = self._plain(parts, memory)
        if _requires_grad(parts):
            made.requires_grad_(True)
        return self._with_gradient(made, memory, parts)

    def _parameter(self, parts: Parts) -> Any:
        memory = self._memory_of(parts)
        made = self._torch.nn.Parameter(self._plain(parts, memory), requires_grad=_requires_grad(parts))
        return self._with_gradient(made, memory, parts)

    def _memory_of(self, parts: Parts) -> bytearray:
        if "data" in parts:
            return bytearray(data(parts, "data"))
        return self._memory[id(parts["base"])]

    def _plain(self, parts: Parts, memory: bytearray) -> Any:
        torch = self._torch
        dtype = getattr(torch, data(parts, "dtype").decode("ascii"), None)
        item_size = number(parts, "itemsize")
        if type(dtype) is not torch.dtype or item_size < 1 or data(parts, "device") != b"cpu":
            raise ValueError("no dtype of this torch, or no tensor of the CPU")
        shape, strides = sizes(parts, "shape"), [stride // item_size for stride in sizes(parts, "strides")]
        if 0 in shape or not memory:
            return torch.empty_strided(shape, strides, dtype=dtype)
        flat = torch.frombuffer(memory, dtype=dtype, count=len(memory) // item_size)
        return torch.as_strided(flat, shape, strides, number(parts, "offset") // item_size)

    def _with_gradient(self, made: Any, memory: bytearray, parts: Parts) -> Any:
        grad = parts.get("grad")
        if grad is not None:
            if type(grad) is not self._torch.Tensor:
                raise ValueError("the gradient is no tensor")
            made.grad = grad
        self._memory[id(made)] = memory
        return made

    def _described(self, parts: Parts) -> Tensor:
        """Of a type derived from torch.Tensor, which may share the memory of a real one."""
        memory = self._memory.get(id(parts.get("base")))
        return Tensor(parts if memory is None or "data" in parts else {**parts, "data": bytes(memory)})

    def _device(self, parts: Parts) -> Any:
        index = [number(parts, "index")] if "index" in parts else []
        return self._torch.device(data(parts, "type").decode("ascii"), *index)

    def _named(self, cls: type) -> Callable[[Parts], Any]:
        def make(parts: Parts) -> Any:
            found = getattr(self._torch, data(parts, "name").decode("ascii"), None)
            if type(found) is not cls:
                raise ValueError(f"this torch has no such {cls.__name__}")
            return found

        return make


def _requires_grad(parts: Parts) -> bool:
    return number(parts, "requires_grad") == 1
