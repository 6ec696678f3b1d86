"""How much may be generated at once: rows, and the tokens for which the device has memory."""

import logging
from dataclasses import dataclass

import torch

from qwenq.worker.engines.memory import free_bytes
from qwenq.worker.engines.transformers.padded.cache import CacheSize

_log = logging.getLogger("qwenq.engine")

ROWS = {"cpu": 32}  # beyond, a CPU's arithmetic is busy, and more rows only wait for each other
MOST_ROWS = 256
SHARE = {"cpu": 0.5}  # of free memory: a CPU's is everybody's
MOST_SHARE = 0.9


@dataclass(slots=True)
class TokenBudget:
    """The most rows of a batch, and the most tokens (`cells`): rows times the longest prompt and answer.

    `row_cells` is what a row takes beside its tokens, for states that do not grow, as if they were tokens.
    """

    rows: int
    cells: int
    row_cells: int = 0

    @classmethod
    def calibrated(
        cls, device: torch.device, size: CacheSize, passing_bytes: int, rows: int | None, cells: int | None
    ) -> "TokenBudget":
        """Take what the settings say; else measure what is free on `device`.

        `size` is what the cache takes, `passing_bytes` what a pass through the model takes beside it.
        """
        cell_bytes = max(1, size.column)
        free = free_bytes(device) * SHARE.get(device.type, MOST_SHARE) - passing_bytes
        budget = cls(
            rows=rows or ROWS.get(device.type, MOST_ROWS),
            cells=cells or max(1, int(free / cell_bytes)),
            row_cells=0 if cells else -(-size.row // cell_bytes),
        )
        _log.info(
            "token budget: %d rows of %d bytes each, %d tokens of %d bytes each",
            budget.rows, size.row, budget.cells, size.column,
        )  # fmt: skip
        return budget

    def holds(self, rows: int, columns: int, beside: int = 0) -> bool:
        """Whether so many rows of so many tokens, and tokens `beside` them, are within it.

        One row always is: it may prove to fit.
        """
        return rows == 1 or (rows <= self.rows and self.taken(rows, columns) + beside <= self.cells)

    def taken(self, rows: int, columns: int) -> int:
        """Give how many cells so many rows of so many tokens take."""
        return rows * (columns + self.row_cells)

    def shrink(self, cells: int) -> None:
        """Remember that so much did not fit: half of it is tried from now on."""
        self.cells = max(1, min(self.cells, cells) // 2)
        _log.warning("out of memory with %d tokens: from now on %d at once", cells, self.cells)
