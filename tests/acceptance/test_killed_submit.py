"""`qwenq submit` killed or stopped half way: nothing of it runs or stays, and a second submit succeeds."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import documents, jobs
from qwenq.store.database.store import Store
from qwenq.store.views.work.prunable import abandoned_jobs
from tests.commands import qwenq_here
from tests.processes import ONE_THREAD, write_jsonl
from tests.waiting import eventually

ROWS = 25_000
KEY = "--idempotency-key=night-1"


class Producer:
    """A submit whose input is a pipe that stays open; it has stored some documents."""

    def __init__(self, folder: Path, home: dict[str, str], store: Store, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "qwenq", "submit", "-", "--format", "jsonl", "--model", "echo", *options],
            cwd=folder,
            env={**os.environ, **ONE_THREAD, **home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f'{{"id": "d{number}", "text": "a"}}\n' for number in range(ROWS)))
        self._process.stdin.flush()
        eventually(lambda: count(store), "documents are stored")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """End its input. Returns its exit code, stdout and stderr."""
        printed, said = self._process.communicate(timeout=120)
        return self._process.returncode, printed, said.strip()

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()
        self._process.communicate(timeout=120)


@pytest.fixture
def home(settings: Settings) -> dict[str, str]:
    """The environment of the test's store; there is no broker."""
    return {**environment_of(settings), "QWENQ_LEASE_SECONDS": "4"}


@pytest.fixture
def producer(folder: Path, home: dict[str, str], store: Store) -> Iterator[Producer]:
    """A submit with a key, half way."""
    producer = Producer(folder, home, store, KEY)
    yield producer
    producer.kill()


def count(store: Store) -> int:
    """How many documents the store holds."""
    with store.reading() as connection:
        counted: int = connection.execute(select(func.count()).select_from(documents)).scalar_one()
    return counted


def is_abandoned(store: Store) -> bool:
    """Whether the half job's lease has run out."""
    with store.reading() as connection:
        return bool(abandoned_jobs(connection))


def test_prune_tells_and_then_removes_what_a_killed_submit_left(
    folder: Path, home: dict[str, str], store: Store, producer: Producer
) -> None:
    alive = qwenq_here("db", "prune", "--yes", "--json", cwd=folder, env=home)
    assert json.loads(alive.stdout)["jobs"] == [], "a submit that only waits for its input was pruned"
    producer.kill()
    eventually(lambda: is_abandoned(store), "its lease runs out")
    told = qwenq_here("db", "prune", cwd=folder, env=home)
    assert told.returncode == 0, told.stderr
    assert "half stored" in told.stdout
    assert "nothing was removed; --yes removes 1 job with" in told.stderr
    assert count(store)
    removed = json.loads(qwenq_here("db", "prune", "--yes", "--json", cwd=folder, env=home).stdout)
    assert (removed["removed"], len(removed["jobs"])) == (True, 1)
    assert count(store) == 0
    assert json.loads(qwenq_here("status", "--json", cwd=folder, env=home).stdout) == []


def test_a_submit_with_the_key_of_a_killed_one_stores_its_own_rows_only(
    folder: Path, home: dict[str, str], store: Store, producer: Producer
) -> None:
    producer.kill()
    write_jsonl(folder / "docs.jsonl", [{"id": f"n{number}", "text": "b"} for number in range(3)])
    again = qwenq_here("submit", "docs.jsonl", "--model", "echo", KEY, cwd=folder, env=home)
    assert again.returncode == 0, again.stderr
    status = json.loads(qwenq_here("status", again.stdout.strip(), "--json", cwd=folder, env=home).stdout)
    assert (status["state"], status["documents"]["total"]) == ("queued", 3)
    assert count(store) == 3


def test_a_submit_that_slept_past_its_lease_and_was_pruned_says_so(
    folder: Path, home: dict[str, str], store: Store, producer: Producer
) -> None:
    producer.send(signal.SIGSTOP)
    eventually(lambda: is_abandoned(store), "its lease runs out")
    write_jsonl(folder / "docs.jsonl", [{"id": "n", "text": "b"}])
    other = qwenq_here("submit", "docs.jsonl", "--model", "echo", cwd=folder, env=home)
    assert other.returncode == 0, other.stderr
    assert count(store) == 1
    producer.send(signal.SIGCONT)
    code, printed, said = producer.end()
    assert (code, printed) == (2, "")
    assert "Nothing of the job will run. Submit it again." in said
    assert "Traceback" not in said
    assert count(store) == 1
    with store.reading() as connection:
        assert list(connection.execute(select(jobs.c.id)).scalars()) == [int(other.stdout)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_repeated_key_gives_the_first_job_and_refuses_another_request(
    folder: Path, home: dict[str, str], settings: Settings
) -> None:
    write_jsonl(folder / "docs.jsonl", [{"id": "n", "text": "b"}])
    submit = ("submit", "docs.jsonl", "--model", "echo")
    first = qwenq_here(*submit, KEY, cwd=folder, env=home)
    again = qwenq_here(*submit, cwd=folder, env={**home, "QWENQ_IDEMPOTENCY_KEY": "night-1"})
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert first.stdout == again.stdout
    assert "was stored before with this idempotency key" in again.stderr
    refused = qwenq_here(*submit, KEY, "--max-new-tokens", "5", cwd=folder, env=home)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "differs in: parameters" in refused.stderr
    assert len(json.loads(qwenq_here("status", "--json", cwd=folder, env=home).stdout)) == 1
    from qwenq import api

    job = api.submit([folder / "docs.jsonl"], model="echo", idempotency_key="night-1", settings=settings)
    assert job.id == int(first.stdout)
