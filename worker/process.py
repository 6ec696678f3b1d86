"""The working process of a worker: claims chunks, answers them with its resident model, settles them."""

import logging
import os
import time
from collections.abc import Iterator
from functools import cache

from schemas.chunks import Assignment, Claim
from schemas.errors import (
    BrokerAway,
    DocumentFailed,
    InvalidSetting,
    JobStopped,
    LeaseLost,
    ModelUnavailable,
    StoreAway,
    WorkerStopping,
)
from schemas.requests import ModelInfo, Request
from schemas.settings import Settings, settings_of_process
from schemas.templating import PromptTemplate
from store import claims, rescue, workers
from store.broker import Broker
from store.chunks import unpublished_chunks
from store.database import Store
from store.reconcile import announce
from worker.engine.failures import failed_completion
from worker.keeper import ClaimKeeper
from worker.patience import patiently
from worker.resident import ResidentModel

WORKER_ID_VARIABLE = "QWENQ_WORKER_ID"
BROKEN_EXIT_CODE = 71

_log = logging.getLogger("qwenq.worker")


class WorkingProcess:
    """What one child process of a worker keeps from task to task; made with its model loaded.

    What an earlier process of the worker held is put back. Raises ModelUnavailable.
    """

    def __init__(self, settings: Settings, worker_id: int) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._store = Store.of(settings)
        self._broker = Broker(settings)
        self._resident = ResidentModel(settings.model or "", settings)
        self._info = self._load()
        self._rescue_own()

    def _load(self) -> ModelInfo:
        """Load the model, and tell the store how that went. Raises ModelUnavailable."""
        try:
            info = self._resident.load()
        except Exception as error:
            reason = _reason_of(error)
            for attempt in patiently():
                with attempt, self._store.writing() as connection:
                    workers.note_model_unavailable(connection, self._worker_id, reason)
            raise ModelUnavailable(model=self._settings.model or "", reason=reason) from error
        for attempt in patiently():
            with attempt, self._store.writing() as connection:
                workers.note_model_loaded(connection, self._worker_id, info)
        return info

    def answer(self, chunk_id: int, deadline: float) -> None:
        """Claim a chunk and answer it until `deadline`, on the monotonic clock; nothing to claim is no error.

        Raises StoreAway when the store stays away.
        """
        claim = self._claim(chunk_id)
        if claim is None:
            _log.info("chunk=%d has nothing to claim", chunk_id)
            return
        began = time.monotonic()
        for attempt in patiently():
            with attempt, self._store.reading() as connection:
                assignment = claims.assignment_of(connection, claim)
        _log.info(
            "chunk=%d job=%d attempt=%d claimed documents=%d",
            claim.chunk_id, claim.job_id, claim.attempt, len(assignment.documents),
        )  # fmt: skip
        with ClaimKeeper(self._store, claim, self._info, self._settings, deadline) as keeper:
            try:
                self._work(assignment, keeper)
            except LeaseLost as lost:
                _log.warning("chunk=%d %s", claim.chunk_id, lost)
        _log.info("chunk=%d left after %.2f s", claim.chunk_id, time.monotonic() - began)

    def _claim(self, chunk_id: int) -> Claim | None:
        for attempt in patiently():
            with attempt, self._store.writing() as connection:
                claim = claims.claim_chunk(
                    connection, chunk_id, self._info.model, self._worker_id, self._settings.lease_seconds
                )
        return claim

    def _work(self, assignment: Assignment, keeper: ClaimKeeper) -> None:
        """Answer, and settle the claim by how that ended."""
        try:
            for completion in self._resident.answer(_requests(assignment, keeper), keeper):
                keeper.add(completion)
        except JobStopped as stopped:
            _log.info("chunk=%d %s", keeper.claim.chunk_id, stopped)
            keeper.drop()
        except WorkerStopping as stopping:
            _log.info("chunk=%d %s", keeper.claim.chunk_id, stopping)
            keeper.release()
            self._announce(keeper.claim.job_id)
        except (LeaseLost, StoreAway):
            raise  # neither is the chunk's fault, and the lease has run out or will
        except Exception:  # noqa: BLE001 - whatever it is
            # Not one document's fault as far as the engine could tell, and perhaps the device is broken for good.
            # A fresh process goes on; as a crash it counts, so that a document that does this is found by halving.
            _log.exception("chunk=%d broke the engine: the process is replaced", keeper.claim.chunk_id)
            try:
                keeper.flush()
            finally:
                os._exit(BROKEN_EXIT_CODE)
        else:
            if ended := keeper.finish():
                _log.info("job=%d %s", keeper.claim.job_id, ended)

    def _rescue_own(self) -> None:
        for attempt in patiently():
            with attempt, self._store.writing() as connection:
                rescue.rescue_held_by(connection, self._worker_id, self._settings.max_crashes)

    def _announce(self, job_id: int) -> None:
        with self._store.reading() as connection:
            waiting = unpublished_chunks(connection, job_id)
        try:
            announce(self._store, self._broker, waiting)
        except BrokerAway as away:
            _log.warning("job=%d is not announced, a reconciler will: %s", job_id, away)


def _reason_of(error: Exception) -> str:
    match error:
        case ModelUnavailable():
            return error.reason
        case InvalidSetting():
            return f"{error.name}: {error.reason}"
    return str(error) or type(error).__name__


def _requests(assignment: Assignment, keeper: ClaimKeeper) -> Iterator[Request]:
    """Render the documents one by one; those that cannot be rendered fail at once."""
    template = PromptTemplate.from_spec(assignment.prompt)
    for document in assignment.documents:
        try:
            rendered = template.render(document.content)
            params = assignment.params.overlaid(rendered.overrides)
        except DocumentFailed as error:
            keeper.add(failed_completion(document.seq, error))
        else:
            yield Request(document.seq, rendered.prompt, params)


@cache
def working_process() -> WorkingProcess:
    """The one of this process, its model loaded. Raises ModelUnavailable."""
    return WorkingProcess(settings_of_process(), int(os.environ[WORKER_ID_VARIABLE]))
