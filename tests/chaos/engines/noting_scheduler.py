"""The scheduler of qwenq's own engine, noting when each document begins and ends."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from qwenq.schemas.requests import Completion
from qwenq.worker.engines.transformers import engine as transformers_engine
from qwenq.worker.engines.transformers.scheduler import Scheduler
from tests.chaos.engines.claim_log import Hearing
from tests.chaos.engines.log import Deed, EngineLog


class NotingScheduler(Scheduler):
    """Notes what is computed for chunks. The self-check has no chunk."""

    def __init__(self, log: EngineLog, hearing: Hearing, *parts: Any) -> None:
        super().__init__(*parts)
        self._log = log
        self._hearing = hearing
        self._at_work: set[tuple[int, int]] = set()

    def run(self) -> Iterator[Completion]:
        """Yield each completion as it ends; note unfinished documents as dropped."""
        try:
            yield from super().run()
        finally:
            self._drop(self._at_work)

    def withdraw(self, group: int) -> None:
        """Drop a group's documents."""
        super().withdraw(group)
        self._drop({one for one in self._at_work if one[0] == group})

    def _admit(self) -> None:
        super()._admit()
        here = {(row.group, row.key) for row in self._runner.running if self._hearing.knows(row.group)}
        for one in here - self._at_work:
            self._note(Deed.BEGUN, one)
        self._at_work |= here

    def _step(self) -> Iterator[Completion]:
        for completion in super()._step():
            one = completion.group, completion.key
            if one in self._at_work:
                self._at_work.remove(one)
                self._note(Deed.ENDED, one)
            yield completion

    def _drop(self, gone: set[tuple[int, int]]) -> None:
        for one in gone:
            self._note(Deed.DROPPED, one)
        self._at_work = self._at_work - gone

    def _note(self, deed: Deed, one: tuple[int, int]) -> None:
        self._log.note(deed, *self._hearing.names(*one))


def install_scheduler() -> None:
    """Make it the scheduler of this process, before its engine is made."""
    log = EngineLog.of_environment()
    hearing = Hearing(log)
    hearing.listen()
    log.note(Deed.LOADED)
    setattr(transformers_engine, Scheduler.__name__, partial(NotingScheduler, log, hearing))
