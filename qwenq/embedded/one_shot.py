"""One-shot: `qwenq run` answers files with nothing running before or after."""

import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from qwenq.actions.following import RowCount, follow
from qwenq.actions.request import JobRequest, submitter_of
from qwenq.embedded.home import TypedCommand, home_of_one_shot, one_shot_key
from qwenq.embedded.interrupted import how_to_go_on, say_others
from qwenq.embedded.service import Service
from qwenq.embedded.session import Session
from qwenq.exporting import (
    PLAIN,
    Address,
    FileStyle,
    check_not_read,
    check_outputs,
    write_answers,
    write_failures,
)
from qwenq.exporting.checked_columns import with_kept_columns
from qwenq.producer.enqueuing import Listener, enqueue_job
from qwenq.producer.opening import open_input
from qwenq.producer.reading import Access
from qwenq.schemas.errors import ModelUnavailable, OutputNotWritable, ServiceAway, UnknownJob
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.results import Result
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobChange, JobState
from qwenq.schemas.views.job_pages import FailureReasons
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.life.jobs import hold_job, note_change
from qwenq.store.life.one_shots import forget_one_shot, job_to_continue
from qwenq.store.life.pausing import resume_job
from qwenq.store.views.answers.results import count_answers, results_of
from qwenq.store.views.fleet.workers import worker_of_process
from qwenq.store.views.jobs.failure_reasons import failure_reasons
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.outcomes import SHOWN_REASONS
from qwenq.wording.output import say
from qwenq.worker.engines.factory import check_model

SHOWN_RESULTS = 8
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a one-shot's answers and errors go, and how they are written."""

    results: Address
    errors: Address
    style: FileStyle = PLAIN

    def check(self, inputs: Sequence[str], *, trying: bool) -> None:
        """Check that no input finds these files, and with `trying` that they can be written. Raises OutputNotWritable.

        `inputs` are as the person gave them.
        """
        check_not_read((self.results, self.errors), inputs)
        check_outputs((self.results, self.errors), inputs, self.style, self.results, trying=trying)


@dataclass(frozen=True, slots=True)
class OneShotResult:
    """How the job of a one-shot ended, its first answers, and why documents failed."""

    status: JobStatus
    first_results: Sequence[Result]
    reasons: FailureReasons


def run_one_shot(
    request: JobRequest, settings: Settings, outputs: Outputs, command: TypedCommand
) -> OneShotResult:
    """Answer a request with the services that are set and embedded ones for the rest, and write the outputs.

    After an interrupt the answers so far are kept; the same command goes on from there.
    Raises UsageError, ServiceAway.
    """
    check_not_read((outputs.results, outputs.errors), request.files)
    access = Access.of(settings, follow_links=request.follow_links, allow_partial=request.allow_partial)
    spec, rows = open_input(
        request.specify(settings).keeping(outputs.style.keep_columns),
        request.format,
        sheet=request.sheet,
        access=access,
        tables=request.tables,
        tell=say,
    )
    check_outputs((outputs.results, outputs.errors), spec.sources, outputs.style, outputs.results)
    rows = with_kept_columns(rows, outputs.style.keep_columns)
    check_model(spec.model, settings)
    asked_for = (
        request.params,
        request.format,
        request.sheet,
        request.tables,
        request.allow_partial,
        request.priority,
        settings.dtype,
        settings.quantize,
    )
    lasting_key = one_shot_key(spec, repr(asked_for))
    key = lasting_key or secrets.token_hex(8)
    with (
        home_of_one_shot(_one_shot_settings(settings), key, command) as home,
        Session(home.settings) as session,
    ):
        session.start_broker()
        with open_store(home.settings) as store, Broker(home.settings) as broker:
            job_id = None
            try:
                broker.ping()
                worker = session.start("the worker", "worker", "--model", spec.model)
                job_id = _interrupted_job(store, settings, key)
                if job_id is None:
                    home.kept = False
                    say_others(settings, key, command)
                    with RowCount() as count:
                        listener = Listener(read=count.show)
                        enqueued = enqueue_job(store, broker, home.settings, spec, rows, key, listener)
                    job_id = enqueued.job_id
                home.kept = True
                status = _follow(store, session, worker, job_id)
                first_results, reasons = _write_outputs(store, job_id, outputs)
                home.kept = False
                # Say it at once: services may take seconds to stop, and a Ctrl-C meanwhile loses nothing.
                say(f"answers: {outputs.results}")
            except KeyboardInterrupt:
                if job_id is not None and home.kept:
                    say(f"interrupted: {how_to_go_on(home.settings, job_id, again=lasting_key is not None)}")
                raise
            except OutputNotWritable:
                if home.kept:
                    say(
                        "the answers are kept: the same command with another -o writes them without generating"
                    )
                raise
            except ModelUnavailable:
                home.kept = _has_answers(store, key)
                raise
            except ServiceAway:
                if job_id is not None and home.kept:
                    say(
                        f"nothing is lost: {how_to_go_on(home.settings, job_id, again=lasting_key is not None)}"
                    )
                raise
    return OneShotResult(status, first_results, reasons)


def _one_shot_settings(settings: Settings) -> Settings:
    """The settings of a one-shot's services.

    A person waits for it, so its worker waits less long for a store that is away. Chunks of its own store mean nothing
    to other workers, so without QWENQ_DATABASE_URL it has its own Redis too.
    """
    patience = min(settings.patience_seconds, PATIENCE_SECONDS)
    settings = settings.model_copy(update={"patience_seconds": patience})
    if settings.database_url is not None or settings.broker_url is None:
        return settings
    say("QWENQ_BROKER_URL is set and QWENQ_DATABASE_URL is not: this command uses its own Redis and store")
    return settings.model_copy(update={"broker_url": None})


def _interrupted_job(store: Store, settings: Settings, key: str) -> int | None:
    """The job that the same command left before, resumed if it was paused; None if there is none."""
    with store.writing() as connection:
        job_id = job_to_continue(connection, key)
        if job_id is not None and hold_job(connection, job_id) == JobState.PAUSED:
            resume_job(connection, job_id)
            note_change(connection, job_id, JobChange.RESUMED, submitter_of(settings))
    if job_id is not None:
        say(f"job {job_id} was interrupted before: going on with it")
    return job_id


def _has_answers(store: Store, key: str) -> bool:
    with store.reading() as connection:
        job_id = job_to_continue(connection, key)
        return job_id is not None and count_answers(connection, job_id) > 0


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
            if found and found.failure:
                raise found.failure
        session.require_running()

    return follow(poll, watch)


def _write_outputs(store: Store, job_id: int, outputs: Outputs) -> tuple[Sequence[Result], FailureReasons]:
    """Write both files. Only then is the one-shot over, and the same command would begin a new job."""
    with store.reading() as connection:
        write_answers(connection, job_id, outputs.results, outputs.style)
        write_failures(connection, job_id, outputs.errors, outputs.style)
        reasons = failure_reasons(connection, job_id, SHOWN_REASONS)
        first_results = list(islice(results_of(connection, job_id), SHOWN_RESULTS))
    with store.writing() as connection:
        forget_one_shot(connection, job_id)
    return first_results, reasons
