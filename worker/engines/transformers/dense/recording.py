"""Recording operations on a device's tensors, and replaying them without Python."""

from collections.abc import Callable
from typing import Protocol

import torch


class Replay(Protocol):
    """A recorded function, with the tensors that it reads and writes."""

    def __call__(self) -> torch.Tensor:
        """Repeat the operations on the same tensors' current contents. Returns the same outcome tensor each time.

        Another replay may overwrite it. Raises torch.OutOfMemoryError or RuntimeError.
        """
        ...


class Record(Protocol):
    """Records functions that neither wait for the device nor copy anything to it."""

    def __call__(self, function: Callable[[], torch.Tensor]) -> Replay:
        """Record what `function` does to tensors that keep their addresses. It may be called several times.

        Tensors that it makes live as long as the recording. Raises torch.OutOfMemoryError or RuntimeError.
        """
        ...
