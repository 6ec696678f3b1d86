"""`qwenq run`: answer files in one go, with nothing running before or after."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from producer.submitting import submit_job
from qwenq.embedded.home import held, remove_run_home, run_home, run_key
from qwenq.embedded.service import Service
from qwenq.embedded.session import Session
from qwenq.exporting import check_writable, write_errors, write_results
from qwenq.job_request import JobRequest
from qwenq.progress import count_rows, follow
from qwenq.stores import open_store
from qwenq.submitting import open_request
from qwenq.telling import say
from schemas.errors import ModelUnavailable, UnknownJob
from schemas.jobs import JobStatus
from schemas.results import Result
from schemas.settings import Settings
from schemas.states import WorkerState
from store.broker import Broker
from store.database import Store
from store.jobs import job_status, job_to_take_up
from store.results import errors_of, results_of
from store.workers import worker_of_process
from worker.engine.factory import check_model

SHOWN_RESULTS = 8


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a run's answers and errors go."""

    results: Path
    errors: Path


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended, and its first answers."""

    status: JobStatus
    first_results: Sequence[Result]


def run_request(request: JobRequest, settings: Settings, outputs: Outputs) -> RunOutcome:
    """Answer a request with the services that are set, embedded ones for the rest. Writes the outputs.

    Interrupted, it keeps what is done; the same command goes on from there. Raises UsageError, ServiceAway.
    """
    check_writable(outputs.results)
    check_writable(outputs.errors)
    spec, rows = open_request(request, settings)
    check_model(spec.model)
    key = run_key(spec)
    with _home_of_run(settings, key) as settings_of_run, Session(settings_of_run) as session:
        session.start_broker()
        store, broker = open_store(settings_of_run), Broker(settings_of_run)
        try:
            worker = session.start("the worker", "worker", "--model", spec.model)
            job_id = _taken_up(store, key)
            if job_id is None:
                job_id = submit_job(store, broker, settings_of_run, spec, count_rows(rows), key).job_id
            status = _follow(store, session, worker, job_id)
            first_results = _write_outputs(store, job_id, outputs)
        finally:
            broker.close()
            store.close()
    return RunOutcome(status, first_results)


@contextmanager
def _home_of_run(settings: Settings, key: str) -> Iterator[Settings]:
    """The settings of a run: wholly embedded, it has a folder of its own, removed once all is written."""
    if settings.database_url is not None and settings.broker_url is not None:
        yield settings
        return
    folder = run_home(settings.home, key)
    with held(folder):
        yield settings.model_copy(update={"home": folder})
    remove_run_home(folder)


def _taken_up(store: Store, key: str) -> int | None:
    with store.reading() as connection:
        job_id = job_to_take_up(connection, key)
    if job_id is not None:
        say(f"job {job_id} was interrupted before: going on with it")
    return job_id


def _follow(store: Store, session: Session, worker: Service, job_id: int) -> JobStatus:
    def poll() -> JobStatus:
        with store.reading() as connection:
            status = job_status(connection, job_id)
        if status is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return status

    def watch() -> None:
        if worker.exit_code is not None:
            with store.reading() as connection:
                found = worker_of_process(connection, socket.gethostname(), worker.pid)
            if found and found.state == WorkerState.FAILED:
                raise ModelUnavailable(model=found.model, reason=found.error or "")
        session.require_running()

    return follow(poll, watch)


def _write_outputs(store: Store, job_id: int, outputs: Outputs) -> Sequence[Result]:
    with store.reading() as connection:
        write_results(outputs.results, results_of(connection, job_id))
        write_errors(outputs.errors, errors_of(connection, job_id))
        return list(islice(results_of(connection, job_id), SHOWN_RESULTS))
