"""One-shot: `qwenq run` answers files with nothing running before or after."""

import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from qwenq.actions.changing import cancel
from qwenq.actions.following import RowCount, follow
from qwenq.actions.request import JobRequest
from qwenq.embedded.going_on import interrupted_job
from qwenq.embedded.home import OneShotHome, TypedCommand, home_of_one_shot, one_shot_key
from qwenq.embedded.interrupted import how_to_go_on, say_others
from qwenq.embedded.service import Service
from qwenq.embedded.session import Session
from qwenq.exporting import (
    PLAIN,
    Address,
    FileStyle,
    KeepColumns,
    check_not_read,
    check_outputs,
    sheet_of_job,
    write_answers,
    write_failures,
)
from qwenq.exporting.checked_columns import with_kept_columns
from qwenq.exporting.sheets import Sheet
from qwenq.producer.enqueuing import Listener, enqueue_job
from qwenq.producer.opening import open_input, open_rows
from qwenq.producer.reading import Access
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import (
    ModelUnavailable,
    OutputNotWritable,
    QwenqError,
    ServiceAway,
    UnknownJob,
    WeightsChanged,
)
from qwenq.schemas.jobs import JobSpec, JobStatus
from qwenq.schemas.results import ErrorLine, Result
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobChange, JobState
from qwenq.schemas.views.job_pages import FailureReasons
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.life.one_shots import forget_one_shot, job_to_continue
from qwenq.store.views.answers.results import count_answers, errors_of, results_of
from qwenq.store.views.fleet.workers import worker_of_process
from qwenq.store.views.jobs.failure_reasons import failure_reasons
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.outcomes import SHOWN_REASONS
from qwenq.wording.output import say
from qwenq.wording.sampling import say_sampling
from qwenq.worker.engines.factory import check_available, check_model

SHOWN_RESULTS = 8
PATIENCE_SECONDS = 60.0

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Collected:
    """How the job of a one-shot ended, with its answers and errors, and the table of its answers."""

    status: JobStatus
    results: Sequence[Result]
    errors: Sequence[ErrorLine]
    sheet: Sheet[Result]


@dataclass(frozen=True, slots=True)
class _OneShot:
    """What to answer. `key` names it if the same call can go on with it; `keeps`: an interrupted one leaves answers."""

    spec: JobSpec
    rows: Iterator[Row]
    key: str | None = None
    command: TypedCommand | None = None
    keeps: bool = True


def run_one_shot(
    request: JobRequest, settings: Settings, outputs: Outputs, command: TypedCommand
) -> OneShotResult:
    """Answer a request with the services that are set and embedded ones for the rest, and write the outputs.

    After an interrupt the answers so far are kept; the same command goes on from there.
    Raises UsageError, ServiceAway.
    """
    check_not_read((outputs.results, outputs.errors), request.files)
    spec, rows = _opened(request, settings, outputs.style.keep_columns)
    check_outputs((outputs.results, outputs.errors), spec.sources, outputs.style, outputs.results)
    say_sampling(spec)
    rows = with_kept_columns(rows, outputs.style.keep_columns)
    one_shot = _OneShot(spec, rows, _key(spec, request, settings), command)
    return _answered(one_shot, settings, partial(_write_outputs, outputs=outputs))


def answer_here(request: JobRequest, settings: Settings, given: object, keep: KeepColumns) -> Collected:
    """Answer a request in the same way, and hold all answers in memory. `given` are rows instead of files, or None.

    Rows can be read once only, so an interrupted call over rows leaves nothing behind. Raises UsageError, ServiceAway.
    """
    if given is None:
        spec, rows = _opened(request, settings, keep)
        one_shot = _OneShot(spec, with_kept_columns(rows, keep), _key(spec, request, settings))
    else:
        spec, rows = open_rows(request.specify(settings), given)
        one_shot = _OneShot(spec, with_kept_columns(rows, keep), keeps=False)
    return _answered(one_shot, settings, partial(_collected, keep=keep))


def _opened(request: JobRequest, settings: Settings, keep: KeepColumns) -> tuple[JobSpec, Iterator[Row]]:
    access = Access.of(settings, follow_links=request.follow_links, allow_partial=request.allow_partial)
    return open_input(
        request.specify(settings).keeping(keep),
        request.format,
        sheet=request.sheet,
        access=access,
        tables=request.tables,
        tell=say,
    )


def _key(spec: JobSpec, request: JobRequest, settings: Settings) -> str | None:
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
    return one_shot_key(spec, repr(asked_for))


def _answered(one_shot: _OneShot, settings: Settings, finish: Callable[[Store, JobStatus], T]) -> T:
    """Answer the documents, and finish with the ended job."""
    spec = one_shot.spec
    check_model(spec.model, settings)
    check_available(spec.model)
    key = one_shot.key or secrets.token_hex(8)
    with (
        home_of_one_shot(_one_shot_settings(settings), key, one_shot.command) as home,
        Session(home.settings) as session,
    ):
        session.start_broker()
        with open_store(home.settings) as store, Broker(home.settings) as broker:
            broken = _BrokenOff(home, store, key, one_shot)
            with broken.told():
                broker.ping()
                worker = session.start("the worker", "worker", "--model", spec.model)
                job_id = interrupted_job(store, settings, key, spec)
                if job_id is None:
                    home.kept = False
                    if one_shot.command is not None:
                        say_others(settings, key, one_shot.command)
                    with RowCount() as count:
                        listener = Listener(read=count.show)
                        enqueued = enqueue_job(
                            store, broker, home.settings, spec, one_shot.rows, key, listener
                        )
                    job_id = enqueued.job_id
                broken.job_id = job_id
                home.kept = one_shot.keeps
                finished = finish(store, _follow(store, session, worker, job_id))
                home.kept = False
    return finished


@dataclass
class _BrokenOff:
    """Says what is kept of a one-shot that is broken off, and keeps it. `job_id` is its job, once that is stored."""

    home: OneShotHome
    store: Store
    key: str
    one_shot: _OneShot
    job_id: int | None = None

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say it when the block is broken off."""
        try:
            yield
        except KeyboardInterrupt:
            self._say("interrupted")
            if self.job_id is not None and not self.one_shot.keeps:
                with suppress(QwenqError):  # nobody could read its answers
                    cancel(self.job_id, self.home.settings)
            raise
        except OutputNotWritable:
            if self.home.kept:
                say("the answers are kept: the same command with another -o writes them without generating")
            raise
        except ModelUnavailable:
            self.home.kept = self.one_shot.keeps and _has_answers(self.store, self.key)
            raise
        except ServiceAway:
            self._say("nothing is lost")
            raise

    def _say(self, what: str) -> None:
        if self.job_id is not None and self.home.kept:
            again = self.one_shot.key is not None
            say(f"{what}: {how_to_go_on(self.home.settings, self.job_id, again=again)}")


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
        change = status.last_change
        if status.state == JobState.PAUSED and change is not None and change.change == JobChange.HELD:
            raise WeightsChanged(status.model, job_id)
        return status

    def watch() -> None:
        with store.reading() as connection:
            found = worker_of_process(connection, socket.gethostname(), worker.pid)
        if found and found.failure:
            raise found.failure
        session.require_running()

    return follow(poll, watch)


def _write_outputs(store: Store, status: JobStatus, outputs: Outputs) -> OneShotResult:
    """Write both files. Only then is the one-shot over, and the same command would begin a new job."""
    job_id = status.id
    with store.reading() as connection:
        write_answers(connection, job_id, outputs.results, outputs.style)
        write_failures(connection, job_id, outputs.errors, outputs.style)
        reasons = failure_reasons(connection, job_id, SHOWN_REASONS)
        first_results = list(islice(results_of(connection, job_id), SHOWN_RESULTS))
    with store.writing() as connection:
        forget_one_shot(connection, job_id)
    # Say it at once: services may take seconds to stop, and a Ctrl-C meanwhile loses nothing.
    say(f"answers: {outputs.results}")
    return OneShotResult(status, first_results, reasons)


def _collected(store: Store, status: JobStatus, keep: KeepColumns) -> Collected:
    """Read all answers and errors."""
    with store.reading() as connection:
        sheet = sheet_of_job(connection, status.id, keep)
        results = list(results_of(connection, status.id, with_rows=keep is not None))
        errors = list(errors_of(connection, status.id))
    with store.writing() as connection:
        forget_one_shot(connection, status.id)
    return Collected(status, results, errors, sheet)
