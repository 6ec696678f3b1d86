"""The scheduler of qwenq's own engine, noting when each document begins and ends."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from qwenq.schemas.requests import Completion
from qwenq.worker.engines.transformers import engine as transformers_engine
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import Runner
from qwenq.worker.engines.transformers.scheduler import Scheduler
from tests.chaos.engines.claim_log import Hearing
from tests.chaos.engines.log import Deed, EngineLog


class NotingRunner:
    """A runner that calls `admitted` with each document that it admits."""

    def __init__(self, runner: Runner, admitted: Callable[[RequestState], None]) -> None:
        self._runner = runner
        self._admitted = admitted

    def __getattr__(self, name: str) -> Any:
        """Everything else is the runner's own."""
        return getattr(self._runner, name)

    def admit(self, state: RequestState, beside: Sequence[list[int]]) -> bool:
        """Admit a document if there is room."""
        admits = self._runner.admit(state, beside)
        if admits:
            self._admitted(state)
        return admits


class NotingScheduler(Scheduler):
    """Notes what is computed for chunks. The self-check has no chunk."""

    def __init__(self, log: EngineLog, hearing: Hearing, runner: Runner, *parts: Any) -> None:
        noting: Any = NotingRunner(runner, self._begin)
        super().__init__(noting, *parts)
        self._log = log
        self._hearing = hearing
        self._begun: set[tuple[int, int]] = set()

    def run(self) -> Iterator[Completion]:
        """Yield each completion as it ends; note unfinished documents as dropped."""
        try:
            for completion in super().run():
                one = completion.group, completion.key
                if one in self._begun:
                    self._begun.remove(one)
                    self._note(Deed.ENDED, one)
                yield completion
        finally:
            self._drop(self._begun)

    def withdraw(self, group: int) -> None:
        """Drop a group's documents."""
        super().withdraw(group)
        self._drop({one for one in self._begun if one[0] == group})

    def _begin(self, state: RequestState) -> None:
        """Note the document, unless it only restarts after a failed step."""
        one = state.group, state.key
        if self._hearing.knows(state.group) and one not in self._begun:
            self._note(Deed.BEGUN, one)
            self._begun.add(one)

    def _drop(self, gone: set[tuple[int, int]]) -> None:
        for one in gone:
            self._note(Deed.DROPPED, one)
        self._begun = self._begun - gone

    def _note(self, deed: Deed, one: tuple[int, int]) -> None:
        self._log.note(deed, *self._hearing.names(*one))


def install_scheduler() -> None:
    """Make it the scheduler of this process, before its engine is made."""
    log = EngineLog.of_environment()
    hearing = Hearing(log)
    hearing.listen()
    log.note(Deed.LOADED)
    setattr(transformers_engine, Scheduler.__name__, partial(NotingScheduler, log, hearing))
