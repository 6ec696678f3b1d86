"""A Record for devices without graphs: it notes operations and repeats them.

It is as strict as a CUDA graph. It refuses operations that wait for the device or bring numbers to it. Results computed
while recording are overwritten, and intermediate results before each replay. It only misses reads of CPU memory without
an operation, such as `tolist`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_aten = torch.ops.aten
_WAITING = {
    _aten._local_scalar_dense.default,
    _aten.nonzero.default,
    _aten.masked_select.default,
    _aten.is_nonzero.default,
    _aten.equal.default,
    _aten._unique2.default,
}
_BRINGING = {_aten.lift_fresh.default, _aten.lift_fresh_copy.default}  # makes a tensor of Python's numbers
_INDEXING = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default}
_BY_MASK = {torch.bool, torch.uint8}


class Recorder:
    """A Record that counts recordings and replays."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replays = 0

    def __call__(self, function: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        """Call `function` once, then record it, as on CUDA. Raises RuntimeError for what a graph cannot hold."""
        function()
        with _Recording() as recording:
            outcome = function()
        recording.spoil()
        self.recorded += 1

        def replay() -> torch.Tensor:
            self.replays += 1
            recording.replay()
            return outcome

        return replay


class _Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Operations since it was entered, with their inputs and outputs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        _refuse(operation, args, kwargs)
        with self:
            parts = operation.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        given = operation(*args, **kwargs)
        if len({one.device for one in tree_leaves((args, kwargs, given)) if _lies_somewhere(one)}) > 1:
            raise RuntimeError(f"{operation} copies between devices")
        self._operations.append((operation, args, kwargs, given))
        return given

    def replay(self) -> None:
        """Repeat all operations into the same tensors."""
        self.spoil()
        for operation, args, kwargs, given in self._operations:
            again = operation(*args, **kwargs)
            for old, new in zip(_made(operation, given), _made(operation, again), strict=True):
                old.copy_(new)

    def spoil(self) -> None:
        """Overwrite everything computed."""
        for operation, _, _, given in self._operations:
            for one in _made(operation, given):
                one.fill_(float("nan") if one.is_floating_point() else 1)


def _refuse(operation: Any, args: Any, kwargs: Any) -> None:
    if operation in _WAITING:
        raise RuntimeError(f"{operation} waits for the device")
    if operation in _BRINGING:
        raise RuntimeError(f"{operation} brings numbers to the device")
    masks = [one for one in tree_leaves(args[1]) if _lies_somewhere(one)] if operation in _INDEXING else []
    if any(one.dtype in _BY_MASK for one in masks):
        raise RuntimeError(f"{operation} by a mask waits for the device")


def _lies_somewhere(one: Any) -> bool:
    return isinstance(one, torch.Tensor)


def _made(operation: Any, given: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors that an operation made, without changed inputs and views."""
    if all(returned.alias_info is None for returned in operation._schema.returns):
        yield from (one for one in tree_leaves(given) if isinstance(one, torch.Tensor))
