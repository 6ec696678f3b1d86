"""Validate a batch: check its file, store its lines as a job, and let the batch begin."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack

import orjson

from qwenq.producer.batch_lines import CheckedLines, batch_rows, check_lines
from qwenq.producer.enqueuing import enqueue_job
from qwenq.producer.heartbeat import heartbeat
from qwenq.producer.terms.bounded_rows import bounded_rows, params_within
from qwenq.producer.terms.sanitizing import Sanitized, sanitized_rows
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import BatchLost, BoundReached, FilesAway, JobGivenUp, UsageError
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import JOB_KEY, BatchFault, HeldBatch, StoredBatch, StoredFile
from qwenq.schemas.service.tenants import Caller, Role
from qwenq.schemas.settings import Settings
from qwenq.server.batches.row_inputs import RowInput, check_rows, fault_of, row_input
from qwenq.server.refusals import Refused
from qwenq.store.api_batches.batches import served_models
from qwenq.store.api_batches.life import begin_batch, fail_batch, renew_batch
from qwenq.store.api_batches.reserving import reserve_documents
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.files.stored_files import find_file
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.tenants import find_tenant

_SERVICE = "qwenq serve"
"""Who does what nobody asked for in a request."""


def validate(store: Store, broker: Broker, storage: Storage, settings: Settings, held: HeldBatch) -> None:
    """Validate a held batch: it is in progress afterwards, or has failed.

    Its job goes by the batch's id as idempotency key: if a process dies at any moment, the next one finds the job, or
    stores it anew. Raises BatchLost, StoreAway, FilesAway.
    """
    lease = settings.lease_seconds
    rows: RowInput | None = None
    with heartbeat(store, lambda to: renew_batch(to, held, lease), lease), ExitStack() as ends:
        checked, taken = CheckedLines(), Sanitized()
        try:
            rows = _rows_of(store, storage, settings, held, ends)
            checked = _checked(store, storage, settings, held, rows)
            faults = checked.faults or _without_room(store, held, checked.total)
            if not faults:
                job_id = _job_of(store, broker, storage, settings, held, checked.model or "", taken, rows)
        except JobGivenUp:
            raise BatchLost(batch_id=held.batch.id) from None
        except Refused as refused:  # such as a template that was removed since
            faults = [BatchFault(refused.code or "invalid_request", refused.message, param=refused.param)]
        except UsageError as error:
            faults = [
                BatchFault("invalid_request", str(error)) if rows is None else fault_of(error, rows.path)
            ]
        except FilesAway:
            if _input_of(store, held) is not None:
                raise
            faults = [no_such_input(held.batch.input_file_id)]
    with store.writing() as connection:
        if faults:
            fail_batch(connection, held, faults)
        else:
            found = None if rows is None else rows.notes
            begin_batch(connection, held, job_id, checked.model or "", checked.total, taken.as_json(), found)
            if taken.documents:
                note_deed(connection, held.batch.tenant, _SERVICE, "batch.sanitize", held.batch.id)


def _rows_of(
    store: Store, storage: Storage, settings: Settings, held: HeldBatch, ends: ExitStack
) -> RowInput | None:
    """The rows of the batch's file, at hand until `ends`; None if it has OpenAI's lines, or is gone."""
    batch, file = held.batch, _input_of(store, held)
    if batch.rows is None or file is None:
        return None
    most, key = _term(batch, "max_tokens"), JOB_KEY + batch.id
    return ends.enter_context(row_input(storage, settings, file, orjson.loads(batch.rows), key, most))


def _checked(
    store: Store, storage: Storage, settings: Settings, held: HeldBatch, rows: RowInput | None
) -> CheckedLines:
    """Check the batch's file, and whether its model is known."""
    batch = held.batch
    file = _input_of(store, held)
    with store.reading() as connection:
        known = {model for model, _since in served_models(connection)} | {settings.model}
        waits = find_tenant(connection, batch.tenant).waits_for_models
    if file is None:
        return CheckedLines(faults=[no_such_input(batch.input_file_id)])
    lines = _term(batch, "batch_lines")
    most = sys.maxsize if lines is None else lines
    if rows is None:
        checked = check_lines(storage.blocks(file.id), Endpoint(batch.endpoint), most)
    else:
        checked = check_rows(rows, most)
    if not checked.faults and checked.model not in known and not waits:
        checked.faults.append(no_such_model(checked.model or "", is_line=rows is None))
    return checked


def _input_of(store: Store, held: HeldBatch) -> StoredFile | None:
    """The batch's input file, unless it was deleted."""
    with store.reading() as connection:
        return find_file(connection, _anybody_of(held.batch.tenant), held.batch.input_file_id)


def _job_of(
    store: Store,
    broker: Broker,
    storage: Storage,
    settings: Settings,
    held: HeldBatch,
    model: str,
    taken: Sanitized,
    own_rows: RowInput | None,
) -> int:
    """The batch's job, stored now or by a process that died; `taken` is what was taken out of its documents."""
    batch = held.batch
    of_lines = JobSpec(model=model, params=params_within(_term(batch, "max_tokens")))
    spec = (of_lines if own_rows is None else own_rows.spec).model_copy(
        update={
            "name": batch.id,
            "sources": (batch.input_file_id,),
            "idempotency_key": JOB_KEY + batch.id,
            "submitter": batch.tenant,
            "tenant": batch.tenant,
            "owner": batch.owner,
        }
    )
    rows: Iterable[Row] = (
        batch_rows(storage.blocks(batch.input_file_id)) if own_rows is None else own_rows.open()
    )
    if _term(batch, "sanitizes"):
        rows = sanitized_rows(rows, taken)
    rows = bounded_rows(rows, _term(batch, "document_chars"), _term(batch, "max_tokens"))
    return enqueue_job(store, broker, settings, spec, rows, needs_good=False).job_id


def _without_room(store: Store, held: HeldBatch, documents: int) -> list[BatchFault]:
    """Reserve places for the documents; what a batch fails with that its tenant has no room for."""
    try:
        with store.writing() as connection:
            reserve_documents(connection, held, documents)
    except BoundReached as reached:
        return [BatchFault("rate_limit_exceeded", str(reached))]
    return []


def _term(batch: StoredBatch, name: str) -> int | None:
    most: int | None = (batch.terms or {}).get(name)
    return most


def no_such_input(file_id: str) -> BatchFault:
    """What a batch fails with whose input file does not exist for its tenant."""
    message = f"Cannot find file {file_id}, or your organization does not have access to it."
    return BatchFault("invalid_request", message, param="file_id")


def no_such_model(model: str, *, is_line: bool) -> BatchFault:
    """What a batch fails with whose model nobody has: that of its lines, or its own."""
    message = f"The provided model '{model}' is not supported by the Batch API."
    where = (1, "body.model") if is_line else (None, "model")
    return BatchFault("model_not_found", message, *where)


def _anybody_of(tenant: str) -> Caller:
    """A caller who sees all files of the tenant: what the creator sees was checked at creation."""
    return Caller(tenant, "", Role.ADMIN, "", "")
