"""A simulated device: its tensors lie in main memory, but like a GPU's they do not mix with a CPU's.

It runs the engine's ways for other devices on a machine that has only a CPU. PyTorch cannot unregister it, so use it
only in a child process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Self

import torch
from torch.autograd.grad_mode import inference_mode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretended"

_aten = torch.ops.aten
_COPY = _aten.copy_.default
_MOVES = {_COPY, _aten._to_copy.default, _aten.to.device, _aten.to.dtype_layout, _aten.to.other}
_INDEXING = {_aten.index.Tensor, _aten.index_put_.default}  # a GPU accepts indices on the CPU too


class _There(torch.Tensor):
    """A tensor on the device; `held` has its numbers, in main memory."""

    held: torch.Tensor

    def __new__(cls, held: torch.Tensor) -> Self:
        made: Self = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), dtype=held.dtype, device=torch.device(NAME, 0)
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        """Return its numbers. PyTorch does not do this for subclasses."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, operation: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(operation, args, kwargs or {})


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Also handles operations that only name the device, such as making a tensor there."""

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, args, kwargs or {})


def _run(operation: Any, args: Any, kwargs: Any) -> Any:
    """Compute in main memory, and wrap the outcome. Raises RuntimeError for tensors on two devices."""
    leaves = tree_leaves((args, kwargs))
    there = [one for one in leaves if isinstance(one, _There)]
    here = [
        one for one in leaves if isinstance(one, torch.Tensor) and not isinstance(one, _There) and one.dim()
    ]
    if (
        there
        and here
        and operation not in _MOVES
        and not (operation in _INDEXING and isinstance(args[0], _There))
    ):
        raise RuntimeError(f"{operation}: tensors on two devices")
    named = [one.type for one in leaves if isinstance(one, torch.device)]
    goes_there = named[0] == NAME if named else bool(there)
    if operation is _COPY:
        goes_there = isinstance(args[0], _There)
    outcome = operation(*tree_map(_in_memory, args), **tree_map(_in_memory, kwargs))
    same = {id(one.held): one for one in there}

    def placed(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        if goes_there:
            return same[id(one)] if id(one) in same else _There(one)
        return one.clone() if id(one) in same else one

    return tree_map(placed, outcome)


def _in_memory(one: Any) -> Any:
    if isinstance(one, _There):
        return one.held
    return torch.device("cpu") if isinstance(one, torch.device) else one


@cache
def _register() -> None:
    _setup_privateuseone_for_python_backend(NAME)
    torch._C._set_only_lift_cpu_tensors(True)
    # Inference mode cannot make tensors of a subclass.
    inference_mode.__enter__ = lambda _: None  # type: ignore[method-assign]
    inference_mode.__exit__ = lambda *_: None  # type: ignore[method-assign]


@contextmanager
def pretended_device() -> Iterator[None]:
    """Provide the device in this thread, within the context."""
    _register()
    with torch.no_grad(), _Mode():  # type: ignore[no-untyped-call]
        yield


def put_there(network: torch.nn.Module) -> None:
    """Move a model's weights to the device."""
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False):
            module._parameters[name] = torch.nn.Parameter(_There(weight.detach()), requires_grad=False)
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = _There(buffer)
