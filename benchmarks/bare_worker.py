"""The baseline of qwenq's worker: it answers chunks and writes the results, and does nothing else.

It has the same messages, Celery settings, prompts and engine. It writes the same rows into the same table in the
driver's fastest way, in a thread, while the next chunk is answered. It has no claims, fences, leases, document states,
counters or metrics: a killed worker loses its chunks, and a duplicate message fails.

    QWENQ_MODEL=echo python -m benchmarks.bare_worker
"""

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import Any

import psycopg
from celery import shared_task
from sqlalchemy import select

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import EngineHooks, Request
from qwenq.schemas.settings import Settings, settings_of_process
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.broker.task_messages import ANSWER_CHUNK
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.options import EngineOptions

_COLUMNS = (
    "job_id", "seq", "chunk_id", "attempt", "worker_id", "text", "finish_reason",
    "prompt_tokens", "completion_tokens", "reasoning_tokens", "created_at",
)  # fmt: skip
_INSERT = f"INSERT INTO results ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_COPY = f"COPY results ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_TYPES = ("int8", "int4", "int8", "int4", "int8", "text", "text", "int4", "int4", "int4", "timestamptz")
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
_WORKER = 1
_AHEAD = 2
"""How many chunks may wait for the writer."""

Rows = list[tuple[Any, ...]]


class BareProcess:
    """The state of the child process, kept from task to task."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store.of(settings)
        hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
        self._engine = EchoEngine(EngineOptions(batch_rows=settings.batch_rows), hooks)
        self._written: queue.Queue[Rows] = queue.Queue(_AHEAD)
        write = _write_sqlite if self._store.dialect == "sqlite" else _write_postgres
        threading.Thread(target=write, args=(self._store.engine.url, self._written), daemon=True).start()

    def answer(self, chunk_id: int) -> None:
        """Answer a chunk's documents and pass the results to the writer."""
        written_at: object = time.time() if self._store.dialect == "sqlite" else datetime.now(UTC)
        job_id, requests = self._read(chunk_id)
        self._written.put(
            [
                (
                    job_id, one.key, chunk_id, 1, _WORKER, one.text, one.finish_reason.value,
                    one.usage.prompt_tokens, one.usage.completion_tokens, one.usage.reasoning_tokens, written_at,
                )
                for one in self._engine.generate(requests)
            ]
        )  # fmt: skip

    def _read(self, chunk_id: int) -> tuple[int, Iterator[Request]]:
        with self._store.reading() as connection:
            job_id, first, last, prompt, params = connection.execute(
                select(chunks.c.job_id, chunks.c.first_seq, chunks.c.last_seq, jobs.c.prompt, jobs.c.params)
                .join_from(chunks, jobs)
                .where(chunks.c.id == chunk_id)
            ).one()
            rows = connection.execute(
                select(documents.c.seq, documents.c.content)
                .where(documents.c.job_id == job_id, documents.c.seq.between(first, last))
                .order_by(documents.c.seq)
            ).all()
        template = PromptTemplate.from_spec(PromptSpec.model_validate(prompt))
        defaults = GenerationParams.model_validate(params)
        return job_id, (_request(seq, content, template, defaults, chunk_id) for seq, content in rows)


def _request(
    seq: int, content: str, template: PromptTemplate, defaults: GenerationParams, chunk_id: int
) -> Request:
    rendered = template.render(content)
    return Request(seq, rendered.prompt, defaults.overlaid(rendered.overrides), chunk_id)


def _write_sqlite(url: Any, waiting: "queue.Queue[Rows]") -> None:
    with closing(sqlite3.connect(url.database, isolation_level=None, timeout=30)) as connection:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        while True:
            rows = waiting.get()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")


def _write_postgres(url: Any, waiting: "queue.Queue[Rows]") -> None:
    with psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        while True:
            rows = waiting.get()
            with connection.cursor() as cursor, cursor.copy(_COPY.encode()) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
            connection.commit()


@cache
def _process() -> BareProcess:
    return BareProcess(settings_of_process())


@shared_task(name=ANSWER_CHUNK)
def answer_chunk(chunk_id: int) -> None:
    """Answer one chunk."""
    _process().answer(chunk_id)


def main() -> None:
    """Run Celery's worker with this module's task instead of qwenq's."""
    settings = settings_of_process()
    app = Broker(settings).app
    app.conf.include = ("benchmarks.bare_worker",)
    app.worker_main(
        [
            "worker", "--without-gossip", "--without-mingle", f"--hostname=bare-{os.getpid()}@localhost",
            f"--queues={queue_name(settings.model or '')}", "--loglevel=warning",
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
