"""Finalize a batch whose job has ended: write its two files, and publish them with its end."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Connection

from qwenq.exporting.openai_lines import answer_line, error_line, unasked_line
from qwenq.producer.heartbeat import heartbeat
from qwenq.schemas.errors import BatchLost, FilesAway
from qwenq.schemas.jobs import TokenUsage
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import BatchFault, HeldBatch, KeptBytes, Purpose, StoredBatch
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import BatchState
from qwenq.server.limits import BATCH_FILE_SECONDS
from qwenq.store.api_batches.forgetting import forget_job_without_input
from qwenq.store.api_batches.life import fail_batch, own_job, publish_batch, renew_batch
from qwenq.store.database.clock import moment_of
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage, kept
from qwenq.store.files.stored_files import delete_files, insert_file, new_file_id
from qwenq.store.views.answers.cancelled import cancelled_of
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.jobs.statuses import job_status

_EXPIRED = ("batch_expired", "This request could not be executed before the completion window expired.")
_CANCELLED = ("batch_cancelled", "This request was not executed, since the batch was cancelled.")


@dataclass(frozen=True, slots=True)
class _Written:
    """A file in the storage with its number of lines; `kept` is None without lines."""

    kept: KeptBytes | None
    lines: int


def finalize(store: Store, storage: Storage, settings: Settings, held: HeldBatch) -> None:
    """Write a held batch's files and end it; files, counts and its last state become visible together.

    Raises BatchLost and FilesAway, with no file left; and StoreAway: then nobody knows whether the last commit went
    through, so the files stay.
    """
    batch, lease = held.batch, settings.lease_seconds
    written: list[KeptBytes] = []
    try:
        with heartbeat(store, lambda to: renew_batch(to, held, lease), lease), store.reading() as connection:
            job_id = own_job(connection, batch.id)
            if job_id is not None:
                created = int(moment_of(connection).timestamp())
                endpoint = Endpoint(batch.endpoint)
                # A response repeats fields of its request.
                results = results_of(connection, job_id, with_rows=endpoint is Endpoint.RESPONSES)
                answers = (answer_line(result, created, endpoint) for result in results)
                output = _write(storage, answers, written)
                errors = _write(storage, _error_lines(connection, held, job_id), written)
                status = job_status(connection, job_id)
        with store.writing() as connection:
            if job_id is None:
                gone = BatchFault("invalid_request", "The job of this batch was removed before it ended.")
                fail_batch(connection, held, [gone])
                return
            for one, name in ((output, "output"), (errors, "error")):
                _insert(connection, held, one, name)
            usage = TokenUsage() if status is None else status.usage
            publish_batch(connection, held, output.lines, errors.lines, usage, _id_of(output), _id_of(errors))
            forget_job_without_input(connection, batch)
            # Those of its end before a retry.
            replaced = delete_files(connection, [batch.output_file_id, batch.error_file_id])
    except (BatchLost, FilesAway):
        _remove(storage, [orphan.id for orphan in written])
        raise
    _remove(storage, replaced)


def _remove(storage: Storage, ids: Iterable[str]) -> None:
    """Remove bytes; what cannot be removed now is swept later."""
    for file_id in ids:
        with suppress(FilesAway):
            storage.remove(file_id)


def why_unasked(batch: StoredBatch) -> tuple[str, str]:
    """Code and message of its lines that were not asked about."""
    is_cancelled = batch.state in {BatchState.CANCELLING, BatchState.CANCELLED}
    return _EXPIRED if batch.expiring and not is_cancelled else _CANCELLED


def _error_lines(connection: Connection, held: HeldBatch, job_id: int) -> Iterator[dict[str, Any]]:
    """A line for each document without an answer."""
    code, message = why_unasked(held.batch)
    return chain(
        (error_line(error, Endpoint(held.batch.endpoint)) for error in errors_of(connection, job_id)),
        (unasked_line(custom_id, code, message) for custom_id in cancelled_of(connection, job_id)),
    )


def _write(storage: Storage, lines: Iterable[dict[str, Any]], written: list[KeptBytes]) -> _Written:
    """Write lines into a new file, unless there are none."""
    coming = iter(lines)
    first = next(coming, None)
    if first is None:
        return _Written(None, 0)
    file_id, count = new_file_id(), 0
    with storage.incoming(file_id) as incoming:
        for line in chain((first,), coming):
            incoming.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    written.append(kept(file_id, incoming))
    return _Written(written[-1], count)


def _insert(connection: Connection, held: HeldBatch, one: _Written, name: str) -> None:
    if one.kept is None:
        return
    batch = held.batch
    seconds = batch.output_seconds or BATCH_FILE_SECONDS
    insert_file(
        connection,
        one.kept,
        batch.tenant,
        batch.owner,
        Purpose.BATCH_OUTPUT,
        f"{batch.id}_{name}.jsonl",
        seconds,
    )


def _id_of(one: _Written) -> str | None:
    return None if one.kept is None else one.kept.id
