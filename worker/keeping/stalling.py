"""Noticing a device that hangs: generation makes no step although there is something to generate."""

import logging
import os
import time
from collections.abc import Sequence

from qwenq.schemas.chunks import Claim
from qwenq.schemas.log.events import Event

STALLED_EXIT_CODE = 70
BUSY_SHARE = 0.5

_log = logging.getLogger("qwenq.worker")


class StallWatch:
    """The time since generation last moved on. `device` is where the model computes."""

    def __init__(self, device: str, stall_seconds: float) -> None:
        self._on_cpu = device == "cpu"
        self._stall_seconds = stall_seconds
        self._looked = self._last_step = time.monotonic()
        self._cpu_seconds = time.process_time()

    def note_step(self) -> None:
        """Note that generation moves on, or has a good reason not to."""
        self._last_step = time.monotonic()

    def replace_process_if_stalled(self, unanswered: Sequence[Claim]) -> None:
        """End the process if its device hangs while these claims wait: Celery starts another, their leases expire."""
        computes = self._computes()
        if not unanswered or (self._on_cpu and computes):
            self.note_step()
        stalled = time.monotonic() - self._last_step
        if stalled <= self._stall_seconds:
            return
        for claim in unanswered:
            _log.critical(
                Event.CHUNK_STALLED,
                extra={**claim.ids, "seconds": round(stalled, 1), "allowed_seconds": self._stall_seconds},
            )
        os._exit(STALLED_EXIT_CODE)

    def _computes(self) -> bool:
        """Whether the process used the processor since the last call: on a CPU, one long step is no stall."""
        looked, cpu_seconds = time.monotonic(), time.process_time()
        used, passed = cpu_seconds - self._cpu_seconds, looked - self._looked
        self._looked, self._cpu_seconds = looked, cpu_seconds
        return used > BUSY_SHARE * passed
