"""Feed drawn calls to the service, and audit what it stored."""

import asyncio
import hashlib
import json
import logging
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import func, select

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches, files, upload_parts
from qwenq.server.application import make_application
from qwenq.server.batches.bell import Bell
from qwenq.server.limits import UPLOAD_PURPOSES
from qwenq.server.routes.chat import CLIENT_GONE
from qwenq.server.service import Service
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from tests.builders import MODEL, make_worker
from tests.fuzzing.service.calling import Answer, answer_to
from tests.fuzzing.service.described import Described
from tests.fuzzing.service.drawn_calls import Call, Drawer

AUDIT_EVERY = 1_000
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_KNOWN = 200


@dataclass(slots=True)
class Figures:
    """What was seen. `wrong` says each broken promise; nothing may be in it."""

    statuses: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """How many calls were answered how."""
        counts = ", ".join(f"{count:,} of {status}" for status, count in sorted(self.statuses.items()))
        return f"{counts}; longest {self.longest:.2f} s; {len(self.wrong)} broken promises"


class FuzzedService:
    """The service in this process, and what it must have stored after all calls so far."""

    def __init__(self, settings: Settings, store: Store, seed: int) -> None:
        self.figures = Figures()
        self._store = store
        self._folder = settings.home / "files"
        storage = Storage.of(settings)
        # Its Redis does not run, and nobody looks after batches: they stay as they were created.
        broker = Broker(settings)
        self.application: FastAPI = make_application(
            Service(settings, store, storage, broker, Bell(), is_local=True)
        )
        self._drawer = Drawer(self.application, seed)
        self._described = Described(self.application)
        self._show_worker()
        self._files: dict[str, str | None] = {}
        self._batches: set[str] = set()

    async def feed(self, calls: int) -> None:
        """Make so many calls, and audit now and then."""
        for name in ("qwenq.server", "python_multipart"):
            logging.getLogger(name).setLevel(logging.ERROR)
        for place in range(1, calls + 1):
            call = self._drawer.call()
            try:
                answer = await answer_to(self.application, call)
            except Exception as error:  # noqa: BLE001
                self._note(call, f"raised {error!r}"[:300])
                continue
            self._look(call, answer)
            if time.monotonic() - self._worker_seen > ALIVE_SECONDS / 4:
                self._show_worker()
            if place % AUDIT_EVERY == 0 or place == calls:
                await asyncio.to_thread(self._audit)

    def _show_worker(self) -> None:
        """Have a worker that seems to be there, so that single requests are stored; their clients go away at once."""
        self._worker_seen = time.monotonic()
        make_worker(self._store, MODEL)

    def _look(self, call: Call, answer: Answer) -> None:
        self.figures.statuses[answer.status] += 1
        self.figures.longest = max(self.figures.longest, answer.seconds)
        if answer.status == CLIENT_GONE:
            return
        if answer.status >= 500 or not answer.status:
            self._note(call, f"got {answer.status} {answer.body[:200]!r}")
        elif answer.status >= 400 and call.method != "HEAD":
            self._look_at_refusal(call, answer)
        elif answer.status == 200:
            self._learn(call, answer)
        difference = self._described.difference(call, answer)
        if difference is not None:
            self._note(call, f"got {answer.status} {answer.body[:300]!r}: {difference}")
        if any(_CONTROLS.search(value) for value in answer.headers.values()):
            self._note(call, f"got a header with control characters: {answer.headers}")

    def _look_at_refusal(self, call: Call, answer: Answer) -> None:
        try:
            error = json.loads(answer.body)["error"]
            good = isinstance(error["message"], str) and {*error} == {"message", "type", "param", "code"}
        except (ValueError, KeyError, TypeError):
            good = False
        if not good or len(answer.body) > 4_000:
            self._note(call, f"was refused with {answer.status} {answer.body[:300]!r}")

    def _learn(self, call: Call, answer: Answer) -> None:
        """Note what the call made or deleted."""
        found: dict[str, Any] = {}
        if answer.headers.get("content-type", "").startswith("application/json"):
            found = json.loads(answer.body)
        name = str(found.get("id", ""))
        if found.get("deleted"):
            self._files.pop(name, None)
            self._batches.discard(name)
        elif found.get("object") == "upload" and found.get("file"):
            self._files[found["file"]["id"]] = None
        elif call.method == "POST" and found.get("object") == "file":
            digest = None if call.content is None else hashlib.sha256(call.content).hexdigest()
            self._files[name] = digest
        elif call.method == "POST" and found.get("object") == "batch":
            self._batches.add(name)
        if name:
            self._drawer.known = [*self._drawer.known[-_KNOWN:], name]

    def _audit(self) -> None:
        """Compare rows and bytes with what was accepted: nothing more, nothing less, nothing else."""
        with self._store.reading() as connection:
            rows = connection.execute(select(files)).all()
            parts = set(connection.execute(select(upload_parts.c.id)).scalars())
            batches = set(connection.execute(select(api_batches.c.id)).scalars())
            left = jobs.c.state != JobState.CANCELLED
            made = connection.execute(select(func.count()).select_from(jobs).where(left)).scalar_one()
        kept = {path.name: path for path in (self._folder / "kept").glob("*")}
        coming = list((self._folder / "coming").glob("*"))
        if {row.id for row in rows} != {*self._files} or {*kept} != {*self._files, *parts}:
            self.figures.wrong.append("the files are not those that were accepted")
        if batches != self._batches or made or coming:
            self.figures.wrong.append(
                f"{len(batches)} batches for {len(self._batches)}, {made} jobs, {coming}"
            )
        for row in rows:
            self._audit_file(row, kept.get(row.id))

    def _audit_file(self, row: Any, path: Path | None) -> None:
        data = b"" if path is None else path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        expected = self._files.get(row.id) or digest
        if (row.bytes, row.sha256.hex(), expected) != (len(data), digest, digest):
            self.figures.wrong.append(f"{row.id} has other bytes than were sent: {data[:200]!r}")
        if _CONTROLS.search(row.name) or not 0 < len(row.name) < 256 or row.purpose not in UPLOAD_PURPOSES:
            self.figures.wrong.append(f"{row.id} has the name {row.name!r} and the purpose {row.purpose!r}")

    def _note(self, call: Call, what: str) -> None:
        shown = f"{call.method} {call.path[:200]!r} {call.query[:200]!r} {call.headers!r:.400} {call.pieces!r:.1500}"
        self.figures.wrong.append(f"{shown} {what}")
