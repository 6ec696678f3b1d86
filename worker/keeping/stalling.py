"""Noticing what hangs: a device that makes no step, or a document whose preparation does not end."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qwenq.schemas.chunks import Claim
from qwenq.schemas.log.events import Event

STALLED_EXIT_CODE = 70
BUSY_SHARE = 0.5

_log = logging.getLogger("qwenq.worker")


class StallWatch:
    """The time since generation last moved on, and the time that a document has been in preparation.

    `device` is where the model computes. Preparation (the chat template, tokens, a grammar; prompts are rendered with
    limits of their own) is watched in marked places. On any device it hangs if it takes too long, even if it computes.
    """

    def __init__(self, device: str, stall_seconds: float) -> None:
        self._on_cpu = device == "cpu"
        self._stall_seconds = stall_seconds
        self._looked = self._last_step = time.monotonic()
        self._cpu_seconds = time.process_time()
        self._preparing_since: float | None = None
        self._awake_since = self._looked

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Mark that a document is in preparation. For the one thread that reads requests."""
        self._preparing_since = time.monotonic()
        try:
            yield
        finally:
            self._preparing_since = None

    def note_step(self) -> None:
        """Note that generation moves on, or has a good reason not to."""
        self._last_step = time.monotonic()

    def replace_process_if_stalled(self, unanswered: Sequence[Claim]) -> None:
        """End the process if something hangs while these claims wait: Celery starts another, their leases expire."""
        computes = self._computes()
        if not unanswered or (self._on_cpu and computes):
            self.note_step()
        now, since = time.monotonic(), self._preparing_since
        preparing = 0.0 if since is None else now - max(since, self._awake_since)
        stalled = now - self._last_step
        if max(preparing, stalled) <= self._stall_seconds:
            return
        seconds, what = max((preparing, "a document in preparation"), (stalled, "no step of generation"))
        for claim in unanswered:
            _log.critical(
                Event.CHUNK_STALLED,
                extra={
                    **claim.ids,
                    "reason": what,
                    "seconds": round(seconds, 1),
                    "allowed_seconds": self._stall_seconds,
                },
            )
        os._exit(STALLED_EXIT_CODE)

    def _computes(self) -> bool:
        """Whether the process used the processor since the last call: on a CPU, one long step is no stall."""
        looked, cpu_seconds = time.monotonic(), time.process_time()
        used, passed = cpu_seconds - self._cpu_seconds, looked - self._looked
        if passed > self._stall_seconds:  # this process was stopped, and with it the preparation
            self._awake_since = looked
        self._looked, self._cpu_seconds = looked, cpu_seconds
        return used > BUSY_SHARE * passed
