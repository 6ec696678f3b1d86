"""One job in the middle of its life, and every transaction on it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from qwenq.schemas.chunks import Claim
from qwenq.schemas.errors import LeaseLost, UsageError
from qwenq.schemas.outcomes import Outcome
from qwenq.store.database.store import Store
from qwenq.store.life import claims
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.half_jobs import hold_ended
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.rescue import rescue_expired, rescue_held_by
from qwenq.store.life.retrying import retry_failed
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.worker.store_process.claiming import ANY_CRASHES
from qwenq.worker.store_process.settling import Ending, Unwritten, write_claim
from tests.builders import (
    EXPIRED,
    LEASE,
    MODEL,
    answer,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    suspect,
    write,
)
from tests.integration.store.model import watching

MAX_CRASHES = 1


class Rest(StrEnum):
    """What a job has beside the two chunks that workers hold. An ended job has none."""

    NOTHING = "nothing waits"
    WAITING = "a chunk waits"
    PAUSED = "a chunk waits, the job is paused"
    OVER = "the job is over, a document failed"


@dataclass(frozen=True)
class Scene:
    """A job with two chunks that workers hold under expired leases; a third worker holds nothing.

    One document of the first chunk is answered. The second chunk is a suspect, so that a rescue halves it.
    """

    job_id: int
    workers: tuple[int, int, int]
    first: Claim
    second: Claim
    waiting: int

    @classmethod
    def of(cls, store: Store, workers: tuple[int, int, int], rest: Rest) -> "Scene":
        """Set it up in an emptied store."""
        watching.empty(store)
        waits = rest in (Rest.WAITING, Rest.PAUSED)
        job_id = make_job(store, documents=6 if waits else 4, chunk_documents=2)
        ids = chunks_of(store, job_id)
        first = claim_one(store, ids[0], workers[0], EXPIRED)
        write(store, first, [answer(first.first_seq)])
        suspect(store, ids[1])
        second = claim_one(store, ids[1], workers[1], EXPIRED)
        scene = cls(job_id, workers, first, second, ids[-1])
        if rest == Rest.PAUSED:
            done(store, DEEDS["pause"], scene)
        if rest == Rest.OVER:
            finish(store, first)
            finish(store, second, [answer(second.first_seq), failure(second.last_seq)])
        return scene


@dataclass(frozen=True)
class Deed:
    """One transaction on the scene. If it `looks`, it skips rows that others lock."""

    name: str
    do: Callable[[Connection, Scene], object]
    looks: bool = False

    def __call__(self, connection: Connection, scene: Scene) -> None:
        """Do it."""
        self.do(connection, scene)

    def __str__(self) -> str:
        return self.name


def done(store: Store, deed: Deed, scene: Scene) -> None:
    """Do it in a transaction of its own. With a lost lease, or too late or soon, it does nothing."""
    try:
        with store.writing() as connection:
            deed(connection, scene)
    except (LeaseLost, UsageError):
        return


def _claim(connection: Connection, scene: Scene) -> None:
    claims.claim_chunk(connection, scene.waiting, MODEL, scene.workers[2], LEASE)


def _claim_held(connection: Connection, scene: Scene) -> None:
    claims.claim_chunk(connection, scene.first.chunk_id, MODEL, scene.workers[2], LEASE)


def _claim_next(connection: Connection, scene: Scene) -> None:
    claims.claim_next(connection, scene.job_id, ANY_CRASHES, scene.workers[2], LEASE)


def _write(connection: Connection, scene: Scene) -> None:
    _keep(connection, scene.second, answers(scene.second)[:1], Ending.KEPT)


def _finish_first(connection: Connection, scene: Scene) -> None:
    _keep(connection, scene.first, answers(scene.first), Ending.KEPT)


def _finish_second(connection: Connection, scene: Scene) -> None:
    _keep(connection, scene.second, answers(scene.second), Ending.KEPT)


def _give_back(connection: Connection, scene: Scene) -> None:
    _keep(connection, scene.first, [], Ending.RELEASED)


def _keep(connection: Connection, claim: Claim, outcomes: list[Outcome], otherwise: Ending) -> None:
    """What a keeper does each second."""
    write_claim(connection, claim, Unwritten(OutcomeRows.of(outcomes)), MODEL, LEASE, otherwise)


_ALL = (
    Deed("claim", _claim),
    Deed("claim what is held", _claim_held),
    Deed("claim next", _claim_next, looks=True),
    Deed("write", _write),
    Deed("finish the first", _finish_first),
    Deed("finish the second", _finish_second),
    Deed("give back", _give_back),
    Deed("rescue", lambda connection, _: rescue_expired(connection, MAX_CRASHES), looks=True),
    Deed(
        "rescue the second's",
        lambda connection, scene: rescue_held_by(connection, scene.workers[1], MAX_CRASHES),
        looks=True,
    ),
    Deed("cancel", lambda connection, scene: cancel_job(connection, scene.job_id)),
    Deed("pause", lambda connection, scene: pause_job(connection, scene.job_id)),
    Deed("resume", lambda connection, scene: resume_job(connection, scene.job_id)),
    Deed("retry", lambda connection, scene: retry_failed(connection, scene.job_id)),
    Deed("prune", lambda connection, scene: hold_ended(connection, scene.job_id, 0.0, LEASE)),
)
DEEDS = {deed.name: deed for deed in _ALL}
