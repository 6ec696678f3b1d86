"""Start and stop the service of one process."""

import logging
import socket
from dataclasses import dataclass

import uvicorn

from qwenq.schemas.errors import CannotListen, UnguardedService, reason_of
from qwenq.schemas.settings import Settings
from qwenq.server.application import make_application
from qwenq.server.batches.caretaker import Caretaker
from qwenq.server.service import Service, is_loopback
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.tenants.keys import any_key

BACKLOG = 256
STOP_SECONDS = 10
"""How long requests may go on when the service stops."""

_log = logging.getLogger("qwenq.server")


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the service listens; port 0 chooses a free port. `root_path` is its path behind a proxy."""

    address: str
    port: int
    root_path: str = ""


def serve(settings: Settings, serving: Serving) -> None:
    """Serve until TERM or Ctrl-C. Raises UnguardedService, CannotListen, FilesAway, and what open_store raises."""
    with open_store(settings) as store, Broker(settings) as broker:
        check_guarded(store, serving.address)
        storage = Storage.of(settings)
        caretaker = Caretaker(store, broker, storage, settings)
        service = Service(settings, store, storage, broker, caretaker, is_loopback(serving.address))
        application = make_application(service, serving.root_path)
        with _listening(serving) as listener, caretaker:
            host, port = listener.getsockname()[:2]
            _log.info("listening at http://%s:%d", f"[{host}]" if ":" in host else host, port)
            config = uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                root_path=serving.root_path,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
            uvicorn.Server(config).run(sockets=[listener])


def check_guarded(store: Store, address: str) -> None:
    """Raise UnguardedService for an address that others can reach, unless there is a key."""
    if is_loopback(address):
        return
    with store.reading() as connection:
        if not any_key(connection):
            raise UnguardedService(address=address)


def _listening(serving: Serving) -> socket.socket:
    family = socket.AF_INET6 if ":" in serving.address else socket.AF_INET
    try:
        listener = socket.create_server((serving.address, serving.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(address=serving.address, port=serving.port, reason=reason_of(error)) from None
    # Connections take it over. asyncio sets it itself, but not for sockets of create_server: a response on a connection
    # that is kept open, whose head and body are two packets, would wait 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
