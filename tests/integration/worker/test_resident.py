"""The resident model answers every request, or raises."""

from collections.abc import Iterable, Iterator

import pytest

from qwenq.schemas.errors import RequestsForgotten
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import Completion, Request
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import ECHO_MODEL, EchoEngine
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.turn import resident as resident_module
from qwenq.worker.turn.resident import ResidentModel
from tests.builders import MODEL, chunks_of, make_job, make_worker
from tests.store_work import claimant_of
from tests.turns import keeper_of
from tests.unit.worker.engines.asking import ask

FORGOTTEN = 2


class Forgetful(EchoEngine):
    """Answers each request but one."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer with the document itself."""
        return (one for one in super().generate(requests) if one.key != FORGOTTEN)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_engine_that_leaves_a_request_unanswered_raises_requests_forgotten(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process ends then, and the crash counts; the chunk would be claimed and released for ever."""
    monkeypatch.setattr(
        resident_module, "make_engine", lambda _model, _settings, hooks: Forgetful(EngineOptions(), hooks)
    )
    resident = ResidentModel(ECHO_MODEL, settings)
    job_id = make_job(store, documents=4)
    assignment = claimant_of(store, MODEL, make_worker(store), 60).claim(chunks_of(store, job_id)[0])
    assert assignment is not None
    answers: list[int] = []
    with keeper_of(store, settings) as keeper:
        keeper.ledger.open(assignment)
        group = assignment.claim.chunk_id
        coming = resident.answer([ask("text", key, group=group) for key in range(4)], keeper.ledger)
        with pytest.raises(RequestsForgotten, match="1 of its requests"):
            for one in coming:
                keeper.ledger.add(Outcome.of(one))
                answers.append(one.key)
    assert answers == [0, 1, 3]
