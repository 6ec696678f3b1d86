"""Start and stop the service: one process or several, over one socket."""

import logging
import resource
import signal
import socket
import ssl
import threading
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Self

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from qwenq.schemas.errors import CannotListen, InvalidParameter, UnguardedService, reason_of
from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.machine.forks import end_with_parent
from qwenq.schemas.settings import Settings
from qwenq.server.application import make_application
from qwenq.server.batches.bell import Bell
from qwenq.server.batches.care import Care
from qwenq.server.listening.connections import IDLE_SECONDS, MOST_HEAD_BYTES, BoundedConnection
from qwenq.server.service import Service, is_loopback
from qwenq.server.watching.metrics import counting_together
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.tenants.keys import any_key

BACKLOG = 256
STOP_SECONDS = 10
"""How long requests may go on when the service stops."""
HUNG_SECONDS = 60
"""A process that is silent for so long is replaced by another."""
MOST_OPEN_FILES = 65_536
"""Connections and files at once, as far as the system allows it: its usual 1,024 are soon used up."""

_log = logging.getLogger("qwenq.server")


@dataclass(frozen=True, slots=True)
class Serving:
    """Where and how the service listens; port 0 chooses a free port.

    `root_path` is its path behind a proxy, `proxies` are the networks whose word on a client's address is taken. With
    a `certificate` it speaks TLS alone; the `private_key` may be in the same file.
    """

    address: str
    port: int
    root_path: str = ""
    processes: int = 1
    proxies: tuple[str, ...] = ()
    certificate: Path | None = None
    private_key: Path | None = None

    @classmethod
    def of(
        cls,
        address: str,
        port: int,
        root_path: str | None,
        processes: int,
        proxies: str | None,
        certificate: Path | None,
        private_key: Path | None,
    ) -> Self:
        """Check options. Raises InvalidParameter."""
        path = "/" + (root_path or "").strip("/")
        networks = tuple(_network(word) for word in (proxies or "").replace(",", " ").split())
        if certificate is not None:
            try:
                for file in filter(None, (certificate, private_key)):
                    file.open("rb").close()  # what TLS raises does not name it
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password="")
            except OSError as error:  # as are all errors of TLS
                raise InvalidParameter(name="--tls-certificate", reason=_reason(error)) from None
        elif private_key is not None:
            raise InvalidParameter(name="--tls-key", reason="its certificate is missing: --tls-certificate")
        return cls(address, port, path.rstrip("/"), processes, networks, certificate, private_key)

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the service. A proxy is there for others."""
        return is_loopback(self.address) and not self.proxies


@dataclass(frozen=True, slots=True)
class _ProcessApplication:
    """Makes the application of one of several processes, in that process."""

    settings: Settings
    serving: Serving
    bell: Bell

    def __call__(self) -> FastAPI:
        threading.Thread(target=end_with_parent, args=(STOP_SECONDS,), daemon=True).start()
        set_up_logging(self.settings.log_format, self.settings.log_level)
        return _application(
            Store.of(self.settings), Broker(self.settings), self.settings, self.serving, self.bell
        )


class _Processes(Multiprocess):
    """Several processes, of which those that die or hang are replaced."""

    ended_by: int | None = None

    def handle_int(self) -> None:
        """End."""
        self.ended_by = signal.SIGINT
        super().handle_int()

    def handle_term(self) -> None:
        """End."""
        self.ended_by = signal.SIGTERM
        super().handle_term()


def serve(settings: Settings, serving: Serving) -> None:
    """Serve until TERM or Ctrl-C. Raises UnguardedService, CannotListen, FilesAway, and what open_store raises."""
    _raise_limit()
    with open_store(settings) as store, Broker(settings) as broker:
        check_guarded(store, serving)
        bell = Bell()
        storage = Storage.of(settings)
        with _listening(serving) as listener, Care(store, broker, storage, settings, bell):
            host, port = listener.getsockname()[:2]
            scheme = "http" if serving.certificate is None else "https"
            _log.info("listening at %s://%s:%d", scheme, f"[{host}]" if ":" in host else host, port)
            if serving.processes == 1:
                application = _application(store, broker, settings, serving, bell)
                uvicorn.Server(process_config(application, serving)).run(sockets=[listener])
            else:
                _run_processes(_ProcessApplication(settings, serving, bell), serving, listener)


def _run_processes(application: _ProcessApplication, serving: Serving, listener: socket.socket) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    processes = _Processes(process_config(application, serving, is_factory=True), [listener])
    with counting_together():
        processes.run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    if processes.ended_by is not None:
        signal.raise_signal(processes.ended_by)


def process_config(
    application: FastAPI | _ProcessApplication, serving: Serving, *, is_factory: bool = False
) -> uvicorn.Config:
    """How a process answers requests."""
    return uvicorn.Config(
        application,
        factory=is_factory,
        workers=serving.processes,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(serving.proxies),
        forwarded_allow_ips=list(serving.proxies),
        ssl_certfile=serving.certificate,
        ssl_keyfile=None if serving.private_key is None else str(serving.private_key),
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_worker_healthcheck=HUNG_SECONDS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )


def _application(store: Store, broker: Broker, settings: Settings, serving: Serving, bell: Bell) -> FastAPI:
    service = Service(settings, store, Storage.of(settings), broker, bell, serving.is_local)
    return make_application(service, serving.root_path)


def check_guarded(store: Store, serving: Serving) -> None:
    """Raise UnguardedService for a service that others can reach, unless there is a key."""
    if serving.is_local:
        return
    with store.reading() as connection:
        if not any_key(connection):
            raise UnguardedService(address=serving.address)


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


def _raise_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MOST_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _network(word: str) -> str:
    try:
        return str(ip_network(word, strict=False))
    except ValueError:
        reason = f"{word!r} is neither an address nor a network such as 10.0.0.0/8"
        raise InvalidParameter(name="--proxies", reason=reason) from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "certificate and key do not fit together, or are not in PEM without a password"
    return f"{error.filename}: {reason_of(error)}"
