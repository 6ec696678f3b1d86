"""Producers as processes: `qwenq submit` from a pipe, killed half way where the plan says so."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from qwenq.schemas.tables.core import jobs
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.chaos.world.orders import Order
from tests.chaos.world.tiny_model import NEW_TOKENS
from tests.waiting import eventually

SUBMIT_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a submit ended: its exit code, negative when it was killed. 0 promises that the job will be done."""

    order: Order
    exit_code: int


class Producers:
    """Submits each order in a process of its own. Thread-safe."""

    def __init__(self, store: Store, env: Mapping[str, str], log: Path) -> None:
        self._store = store
        self._env = env
        self._log = log
        self._lock = threading.Lock()
        self.receipts: list[Receipt] = []

    def submit(self, order: Order) -> Receipt:
        """Submit a whole order."""
        return self._note(order, self._feed(order, _let_it))

    def submit_and_kill(self, order: Order) -> Receipt:
        """Submit half an order, and kill the producer with kill -9."""

        def kill(submit: "subprocess.Popen[str]") -> None:
            with suppress(AssertionError):  # the store may be away
                eventually(lambda: self._is_begun(order.name), "the job is begun", 5)
            submit.kill()

        return self._note(order, self._feed(order, kill))

    def _note(self, order: Order, exit_code: int) -> Receipt:
        receipt = Receipt(order, exit_code)
        with self._lock:
            self.receipts.append(receipt)
        return receipt

    def _feed(self, order: Order, half_way: "Callable[[subprocess.Popen[str]], None]") -> int:
        command = ["submit", "-", "--format", "jsonl", "--model", order.model, "--name", order.name, "--json"]
        if order.reuse:
            command.append("--reuse")
        if order.model != ECHO_MODEL:
            command += ["--max-new-tokens", str(NEW_TOKENS)]
        lines = list(order.lines())
        middle = len(lines) // 2
        with self._log.open("a") as log:
            submit = subprocess.Popen(
                [sys.executable, "-m", "qwenq", *command],
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )
            assert submit.stdin is not None
            with suppress(BrokenPipeError), submit.stdin as rows:
                rows.writelines(lines[:middle])
                rows.flush()
                half_way(submit)
                rows.writelines(lines[middle:])
            try:
                return submit.wait(SUBMIT_SECONDS)
            except subprocess.TimeoutExpired:
                submit.kill()
                return submit.wait()

    def _is_begun(self, name: str) -> bool:
        with self._store.reading() as connection:
            return connection.execute(select(jobs.c.id).where(jobs.c.name == name)).first() is not None


def _let_it(submit: "subprocess.Popen[str]") -> None:
    """Do nothing half way."""
