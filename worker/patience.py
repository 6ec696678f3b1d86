"""Retrying what fails while the store is away: with backoff, for a limited time."""

import logging
from collections.abc import Callable, Iterator

from tenacity import (
    AttemptManager,
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event

LONGEST_PAUSE_SECONDS = 10.0

_log = logging.getLogger("qwenq.worker")


def patiently(seconds: float) -> Iterator[AttemptManager]:
    """Attempts for this long, as long as they raise StoreAway; each failure is logged. Raises the last StoreAway."""
    retrying = retrying_store(seconds, _log_away)
    yield from retrying
    attempts = retrying.statistics["attempt_number"]
    if attempts > 1:
        _log.info(Event.STORE_BACK, extra={"attempts": attempts})


def retrying_store(seconds: float, report: Callable[[str, float], None]) -> Retrying:
    """The same for a caller that reports failures itself, given the reason and the seconds until the next try."""

    def report_failure(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        report(str(error), state.upcoming_sleep)

    return Retrying(
        retry=retry_if_exception_type(StoreAway),
        wait=wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
        before_sleep=report_failure,
        reraise=True,
    )


def _log_away(reason: str, again_in_seconds: float) -> None:
    _log.warning(Event.STORE_AWAY, extra={"reason": reason, "again_in_seconds": round(again_in_seconds, 1)})
