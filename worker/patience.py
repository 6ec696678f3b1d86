"""Waiting for a store that is away: with backoff, not for ever."""

import logging

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from schemas.errors import StoreAway

LONGEST_PAUSE_SECONDS = 10.0

_log = logging.getLogger("qwenq.worker")


def patiently(seconds: float) -> Retrying:
    """A retry, for so long, of what failed because the store was away. Raises the last StoreAway in the end."""
    return Retrying(
        retry=retry_if_exception_type(StoreAway),
        wait=wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
        before_sleep=_log_pause,
        reraise=True,
    )


def _log_pause(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("%s Tried again in %.1f s.", error, state.upcoming_sleep)
