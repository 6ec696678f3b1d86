"""What can record operations on a device's tensors once, and do them again without Python."""

from collections.abc import Callable
from typing import Protocol

import torch


class Replay(Protocol):
    """What was recorded, with the tensors that it reads and writes."""

    def __call__(self) -> torch.Tensor:
        """Do it all again, over what the same tensors hold now; give the outcome's tensor, the same each time.

        Another replay may overwrite it. Raises torch.OutOfMemoryError, or RuntimeError.
        """
        ...


class Record(Protocol):
    """Records a function. It must not wait for the device, and not bring anything to it."""

    def __call__(self, function: Callable[[], torch.Tensor]) -> Replay:
        """Record what `function` does to tensors that stay where they are. It may be called several times.

        Its own tensors live as long as what was recorded. Raises torch.OutOfMemoryError, or RuntimeError.
        """
        ...
