"""How much is generated at once: rows, and tokens that the device has memory for."""

import logging
from dataclasses import dataclass

import torch

from qwenq.worker.engines.memory import free_bytes
from qwenq.worker.engines.transformers.padded.cache import CacheSize

_log = logging.getLogger("qwenq.engine")

ROWS = {"cpu": 32}  # more rows would only wait for each other: arithmetic limits a CPU
MOST_ROWS = 256
SHARE = {"cpu": 0.5}  # of free memory: other processes need main memory too
MOST_SHARE = 0.9
_KIB = 1024


@dataclass(slots=True)
class TokenBudget:
    """The most rows of a batch, and the most tokens (`cells`): rows times the longest prompt plus answer.

    `row_cells` is what a row's fixed-size states take, counted in tokens.
    """

    rows: int
    cells: int
    row_cells: int = 0

    @classmethod
    def calibrated(
        cls, device: torch.device, size: CacheSize, passing_bytes: int, rows: int | None, cells: int | None
    ) -> "TokenBudget":
        """Use the settings; without them, measure the free memory of `device`.

        `size` is what the KV cache takes, `passing_bytes` what a pass through the model takes beside it.
        """
        cell_bytes = max(1, size.column)
        free = free_bytes(device) * SHARE.get(device.type, MOST_SHARE) - passing_bytes
        budget = cls(
            rows=rows or ROWS.get(device.type, MOST_ROWS),
            cells=cells or max(1, int(free / cell_bytes)),
            row_cells=0 if cells else -(-size.row // cell_bytes),
        )
        beside = f", a document {size.row / _KIB:,.1f} KiB more" if size.row else ""
        _log.info(
            "a batch holds at most %d documents and %d tokens; a token takes %.1f KiB of the device's memory%s",
            budget.rows, budget.cells, size.column / _KIB, beside,
        )  # fmt: skip
        return budget

    def holds(self, rows: int, columns: int, beside: int = 0) -> bool:
        """Whether the budget holds this many rows of this many tokens, and `beside` tokens more.

        One row is always allowed: it may fit.
        """
        return rows == 1 or (rows <= self.rows and self.cells_of(rows, columns) + beside <= self.cells)

    def cells_of(self, rows: int, columns: int) -> int:
        """Return the cells that this many rows of this many tokens take."""
        return rows * (columns + self.row_cells)

    def shrink(self, cells: int) -> None:
        """Note that this many cells did not fit, and halve the budget."""
        self.cells = max(1, min(self.cells, cells) // 2)
        _log.warning("out of memory with %d tokens: from now on %d at once", cells, self.cells)
