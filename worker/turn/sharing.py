"""Sharing within a fleet: while another worker is idle, a turn gives away half of what it has not begun.

Nothing asks for it. The store says who is idle; the message to the broker tells the idle worker.
"""

from collections.abc import Callable

from qwenq.worker.keeping.ledger import Ledger


class Sharing:
    """Looks for idle workers.

    `count_idle` counts workers that could begin at once, `announce` tells the broker of a job's waiting chunks. Neither
    may hold up generation or the keeper.
    """

    def __init__(
        self, ledger: Ledger, count_idle: Callable[[], int], announce: Callable[[int], None]
    ) -> None:
        self._ledger = ledger
        self._count_idle = count_idle
        self._announce = announce
        self._saw_idle = False

    def look(self) -> float:
        """Announce what was given away, and give away half of the rest if a worker was idle at the last look too.

        A worker between two chunks is idle for a moment. Returns the seconds until the next look.
        """
        for job_id in self._ledger.pop_released():
            self._announce(job_id)
        documents, seconds = self._ledger.backlog()
        has_much = documents > 1 and (seconds is None or seconds > self._ledger.rhythm.enough_seconds)
        is_idle = has_much and self._count_idle() > 0
        if is_idle and self._saw_idle:
            self._ledger.give_away(documents // 2)
        self._saw_idle = is_idle
        return self._ledger.rhythm.share_seconds
