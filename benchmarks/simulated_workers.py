"""Simulated workers: they only send events, with Celery's dispatchers over the real broker, as often as real ones."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from celery.events import EventDispatcher
from celery.worker.state import SOFTWARE_INFO

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.task_messages import ANSWER_CHUNK

HEARTBEAT_SECONDS = 2.0
CHUNK_SECONDS = 10.0
PROGRESS_SECONDS = 2.0
OF_A_TASK = ("task-received", "task-started", "task-succeeded")


class SimulatedWorkers:
    """`count` workers, each with one task after another: it is received, starts, makes progress, and succeeds."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._broker = Broker(settings)
        self._connection = self._broker.app.connection()
        self._workers = [
            EventDispatcher(
                self._connection,
                hostname=f"qwenq-{number}@host",
                app=self._broker.app,
                buffer_group=["task"],
                buffer_limit=10,
            )
            for number in range(count)
        ]
        self._tasks: dict[str, str] = {}
        self._done = 0
        self.sent = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send events in a thread until the end of the block."""
        ending = threading.Event()
        thread = threading.Thread(target=self._send_events, args=(ending,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def burst(self, tasks: int) -> None:
        """Send the events of `tasks` tasks as fast as possible, as Flower receives in a long day."""
        for number in range(tasks):
            worker = self._workers[number % len(self._workers)]
            self._begin(worker)
            self._end(worker)
        for worker in self._workers:
            worker.flush()

    def close(self) -> None:
        """Close the connection to the broker."""
        self._connection.release()
        self._broker.close()

    def _send_events(self, ending: threading.Event) -> None:
        """Send events until the end. A tick is the time between the heartbeats of two workers."""
        tick = HEARTBEAT_SECONDS / len(self._workers)
        beats_a_chunk = round(CHUNK_SECONDS / HEARTBEAT_SECONDS)
        began, ticks = time.monotonic(), 0
        while not ending.wait(max(0.0, began + ticks * tick - time.monotonic())):
            worker = self._workers[ticks % len(self._workers)]
            beats = ticks // len(self._workers) + ticks % len(self._workers)
            self._beat(worker)
            if beats % beats_a_chunk == 0:
                self._end(worker)
                self._begin(worker)
            else:
                self._progress(worker)
            worker.flush()
            ticks += 1

    def _beat(self, worker: EventDispatcher) -> None:
        self._send(
            worker, "worker-heartbeat", freq=HEARTBEAT_SECONDS, active=1, processed=self._done,
            loadavg=os.getloadavg(), **SOFTWARE_INFO,
        )  # fmt: skip

    def _begin(self, worker: EventDispatcher) -> None:
        uuid = self._tasks[worker.hostname] = str(uuid4())
        self._send(
            worker, "task-received", uuid=uuid, name=ANSWER_CHUNK, args="(1234,)", kwargs="{}", retries=0,
            eta=None, expires=None, root_id=uuid, parent_id=None,
        )  # fmt: skip
        self._send(worker, "task-started", uuid=uuid)

    def _progress(self, worker: EventDispatcher) -> None:
        uuid = self._tasks.get(worker.hostname)
        if uuid is not None:
            self._send(worker, "task-progress", uuid=uuid, job=1, chunk=1234, done=40, documents=100)

    def _end(self, worker: EventDispatcher) -> None:
        uuid = self._tasks.pop(worker.hostname, None)
        if uuid is not None:
            self._send(worker, "task-succeeded", uuid=uuid, result="None", runtime=CHUNK_SECONDS)
            self._done += 1

    def _send(self, worker: EventDispatcher, kind: str, **fields: Any) -> None:
        worker.send(kind, **fields)
        self.sent += 1
