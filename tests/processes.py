"""Run qwenq's commands as child processes of a test."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings

# Several threads are slow when tests share the cores; for the tiny model one thread is quicker anyway.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
TINY_MODEL = Path(__file__).parents[1] / "examples" / "tiny-qwen3"


@dataclass
class Fleet:
    """The services that a test started."""

    settings: Settings
    services: list[Service] = field(default_factory=list)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Service:
        """Start a qwenq command with the test's settings."""
        name = f"{arguments[0]}-{len(self.services)}"
        environment = {**ONE_THREAD, **environment_of(self.settings), **(env or {})}
        service = Service.of_qwenq(name, arguments, self.settings.home / "logs" / f"{name}.log", environment)
        self.services.append(service)
        return service

    def kill(self) -> None:
        """Kill all services at once. A polite stop takes Celery two seconds; tests of stopping do it themselves."""
        for service in self.services:
            service.kill()


def working_process(worker: Service) -> psutil.Process | None:
    """The working process of a worker, or None."""
    try:
        children = psutil.Process(worker.pid).children()
    except psutil.NoSuchProcess:
        return None
    spawned = [child for child in children if "spawn_main" in " ".join(_command(child))]
    return spawned[0] if spawned else None


def store_process_of(child: psutil.Process) -> psutil.Process | None:
    """The store process of a working process, or None."""
    serving = [one for one in child.children() if "qwenq.worker.store_process.serving" in _command(one)]
    return serving[0] if serving else None


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def qwenq(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a qwenq command as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "qwenq", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **ONE_THREAD, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as a JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read_jsonl(path: Path) -> list[dict[str, object]]:
    """Read the rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
