"""How much may be generated at once: rows, and the tokens for which the device has memory."""

import logging
from dataclasses import dataclass

import torch

from worker.engine.memory import free_bytes

_log = logging.getLogger("qwenq.engine")

ROWS = {"cpu": 32}  # beyond, a CPU's arithmetic is busy, and more rows only wait for each other
MOST_ROWS = 256
SHARE = {"cpu": 0.5}  # of free memory: a CPU's is everybody's
MOST_SHARE = 0.9


@dataclass(slots=True)
class TokenBudget:
    """The most rows of a batch, and the most tokens (`cells`): rows times the longest prompt and answer."""

    rows: int
    cells: int

    @classmethod
    def calibrated(
        cls, device: torch.device, cell_bytes: int, passing_bytes: int, rows: int | None, cells: int | None
    ) -> "TokenBudget":
        """Take what the settings say; else measure what is free on `device`.

        `cell_bytes` is the cache of one token, `passing_bytes` what a pass through the model takes beside it.
        """
        free = free_bytes(device) * SHARE.get(device.type, MOST_SHARE) - passing_bytes
        budget = cls(
            rows=rows or ROWS.get(device.type, MOST_ROWS),
            cells=cells or max(1, int(free / max(1, cell_bytes))),
        )
        _log.info("token budget: %d rows, %d tokens of %d bytes each", budget.rows, budget.cells, cell_bytes)
        return budget

    def holds(self, rows: int, columns: int) -> bool:
        """Whether so many rows of so many tokens are within it. One row always is: it may prove to fit."""
        return rows == 1 or (rows <= self.rows and rows * columns <= self.cells)

    def shrink(self, cells: int) -> None:
        """Remember that so much did not fit: half of it is tried from now on."""
        self.cells = max(1, min(self.cells, cells) // 2)
        _log.warning("out of memory with %d tokens: from now on %d at once", cells, self.cells)
