"""Turns of a worker whose echo engine has a small context, notes what it is asked, and may be killed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, update

from qwenq.schemas.documents import Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.requests import Completion, ModelInfo, Request
from qwenq.schemas.results import Failure, FinishReason
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.parts import parts
from qwenq.store.database.store import Store
from qwenq.store.life.rescue import rescue_expired
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.turn.resident import ResidentModel
from qwenq.worker.turn.turn import Turn
from tests.audit import audit
from tests.builders import EXPIRED, MODEL, chunks_of, make_worker, row, store_job
from tests.store_work import claimant_of
from tests.turns import INFO, keeper_of, quick

CONTEXT = 40
ANSWER = 5
PROMPT = PromptSpec(template="Shorten: {{ text }}", merge="Merge {{ part_count }}: {{ parts | join(' | ') }}")


def words(count: int, name: str = "w") -> str:
    """Make a document of so many words, ten in each sentence."""
    return " ".join(f"{name}{place}{'.' if place % 10 == 9 else ''}" for place in range(count))


@dataclass
class LongTurns:
    """Stores jobs of long documents and answers them; `asked` is what went to the engine, in order.

    `after` is called with the number of each answer.
    """

    store: Store
    settings: Settings
    context: int = CONTEXT
    model: str = ECHO_MODEL
    failing: str = "nothing"
    rhythm: Rhythm = field(default_factory=quick)
    asked: list[str] = field(default_factory=list)
    after: Callable[[int, Keeper], object] = field(default=lambda _given, _keeper: None)

    def __post_init__(self) -> None:
        self.worker_id = make_worker(self.store)

    @property
    def info(self) -> ModelInfo:
        """Its model."""
        return replace(INFO, context=self.context)

    def job(self, *texts: str, prompt: PromptSpec = PROMPT, reuse: bool = False, **params: Any) -> int:
        """A job of one chunk."""
        content: list[Row] = [row(place, content=f'{{"text": "{text}"}}') for place, text in enumerate(texts)]
        job_id = store_job(self.store, content, chunk_documents=100)
        given = GenerationParams().overlaid({"on_overflow": "split", "max_new_tokens": ANSWER, **params})
        values = {
            "prompt": prompt.model_dump(mode="json"),
            "params": given.model_dump(mode="json"),
            "reuse": reuse,
        }
        with self.store.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
        return job_id

    def answer(self, job_id: int, lease_seconds: float = 60) -> None:
        """Answer a job to its end."""
        self._turn(job_id, lease_seconds, answers=10**6)
        with self.store.reading() as connection:
            audit(connection, job_id)

    def die_after(self, job_id: int, answers: int) -> None:
        """Answer so many requests of a job, write their outcomes, and die; the claim is rescued."""
        self._turn(job_id, EXPIRED, answers)
        with self.store.writing() as connection:
            assert rescue_expired(connection, max_crashes=2).requeued == 1

    def parts(self, job_id: int) -> list[Any]:
        """The rows of a job's parts."""
        with self.store.reading() as connection:
            rows = connection.execute(select(parts).where(parts.c.job_id == job_id))
            return sorted(rows.all(), key=lambda one: (one.seq, one.level, one.part))

    def _turn(self, job_id: int, lease_seconds: float, answers: int) -> None:
        settings = self.settings.model_copy(update={"lease_seconds": lease_seconds, "context": self.context})
        claimant = claimant_of(self.store, MODEL, self.worker_id, lease_seconds)
        first = claimant.claim(chunks_of(self.store, job_id, ChunkState.QUEUED)[0])
        assert first is not None
        resident = ResidentModel(self.model, settings)
        resident.load()
        with keeper_of(self.store, settings, self.rhythm, self.info) as keeper:
            turn = Turn(self.store, self.info, resident, claimant, keeper.ledger, first)
            completions = resident.answer(self._noted(turn.requests()), keeper.ledger)
            for given, completion in enumerate(completions, start=1):
                turn.complete(self._as_it_came(completion))
                self.after(given, keeper)
                if given == answers:
                    keeper.flush()
                    return
            keeper.settle_rest()

    def _noted(self, requests: Iterator[Request]) -> Iterator[Request]:
        for request in requests:
            self.asked.append(request.prompt.messages[-1].content)
            yield request

    def _as_it_came(self, completion: Completion) -> Completion:
        if self.failing not in self.asked[-1]:
            return completion
        failure = Failure("generation_error", "the device is upset")
        return replace(completion, text="", finish_reason=FinishReason.ERROR, failure=failure)
