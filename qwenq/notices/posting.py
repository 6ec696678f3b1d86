"""Posts to a webhook: to a permitted address, within a total time, without redirects.

A webhook may be at a public address, or be a host that QWENQ_WEBHOOK_HOSTS names. Its name is looked up once, and the
address is checked and connected to; so a name server cannot show one address and mean another.
"""

import errno
import ipaddress
import socket
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import requests
import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from qwenq.notices.targets import host_of
from qwenq.schemas.errors import reason_of

ANSWER_SECONDS = 10.0
"""For everything: looking the name up, connecting, sending, and the answer's status and headers."""
LONGEST_REASON = 300
SUCCESS = 2
"""The first digit of a status code that means that the notice was taken."""


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def post(url: str, body: bytes, headers: Mapping[str, str], hosts: Collection[str]) -> str | None:
    """Post to a webhook. Returns why it was not taken; None if it was. `hosts` may have any address."""
    delivery = _Delivery(url, body, headers, hosts)
    # A receiver that sends a byte a second never trips a time limit of a socket.
    thread = threading.Thread(target=delivery.run, name="webhook", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if thread.is_alive():
        delivery.abandon()
        return _too_late()
    return delivery.reason


class _Delivery:
    """One attempt to post, in a thread of its own. `reason` says at its end why it was not taken."""

    def __init__(self, url: str, body: bytes, headers: Mapping[str, str], hosts: Collection[str]) -> None:
        self._url = url
        self._body = body
        self._headers = dict(headers)
        self._hosts = hosts
        self._sockets: list[socket.socket] = []
        self._abandoned = False
        self.reason: str | None = "it did not respond"

    def run(self) -> None:
        """Post, and note why it was not taken."""
        try:
            self.reason = self._posted()
        except requests.ReadTimeout:
            self.reason = _too_late()
        except (requests.RequestException, OSError, ValueError) as error:
            self.reason = _reason_of(error, self._url)[:LONGEST_REASON]
        finally:
            for one in self._sockets:
                one.close()

    def abandon(self) -> None:
        """Break the connection, so that the thread ends soon."""
        self._abandoned = True
        for one in tuple(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the webhook. Raises OSError."""
        connected = connect(host, port, ANSWER_SECONDS, self._hosts)
        # TLS takes the socket over; a second one for the same connection can still break it.
        self._sockets.append(connected.dup())
        if self._abandoned:
            self.abandon()
        return connected

    def _posted(self) -> str | None:
        if requests.utils.get_environ_proxies(self._url):
            self._check_behind_proxy()
        with requests.Session() as session:
            adapter = _adapter_of(self)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            with session.post(
                self._url,
                data=self._body,
                headers=self._headers,
                timeout=ANSWER_SECONDS,
                # A redirect would turn the post into a get, or send the signature elsewhere.
                allow_redirects=False,
                # Only the status code counts; do not read a body of unknown length.
                stream=True,
            ) as answer:
                if answer.status_code // 100 == SUCCESS:
                    return None
                return f"it responded {answer.status_code} {answer.reason}"

    def _check_behind_proxy(self) -> None:
        """Refuse an address that is not public; the proxy looks names up, and must check those."""
        host = (urlsplit(self._url).hostname or "").rstrip(".")
        address = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
        with suppress(ValueError):
            ipaddress.ip_address(address)
            if not may_be(host, address, self._hosts):
                connect(address, 0, ANSWER_SECONDS, self._hosts)


def _adapter_of(delivery: _Delivery) -> requests.adapters.HTTPAdapter:
    """What sends a session's requests, over the connections of a delivery; those to a proxy are its own."""

    def connected(connection: HTTPConnection) -> socket.socket:
        try:
            return delivery.connect(connection.host, connection.port or connection.default_port)
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

    class TlsConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    adapter = requests.adapters.HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
    return adapter


def connect(host: str, port: int, seconds: float, hosts: Collection[str]) -> socket.socket:
    """Connect to a host, at the first of its permitted addresses that listens. Raises OSError.

    `hosts` names those that may have any address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    permitted = [address for address in addresses if may_be(host, address, hosts)]
    if not permitted:
        reason = f"its address {addresses[0]} is not public; if it is meant, name {host} in QWENQ_WEBHOOK_HOSTS of beat"
        raise OSError(errno.EACCES, reason)
    failed: OSError | None = None
    for address in permitted:
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError as error:
            failed = error
    raise failed or OSError(errno.EHOSTUNREACH, "no address")


def may_be(host: str, address: str, hosts: Collection[str]) -> bool:
    """Whether a webhook of this host may have this address."""
    named = {one.strip("[]").rstrip(".").lower() for one in hosts}
    if {host.strip("[]").rstrip(".").lower(), address.lower()} & named:
        return True
    return _is_public(ipaddress.ip_address(address.partition("%")[0]))


def _is_public(address: Address) -> bool:
    inner = _inner(address)
    return address.is_global and not address.is_multicast and (inner is None or _is_public(inner))


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a tunnel or a translator would make of an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _too_late() -> str:
    return f"it did not respond within {ANSWER_SECONDS:g} s"


def _reason_of(error: Exception, url: str) -> str:
    """Say why a webhook was not reached, by the system's error if there is one, without the URL's path and query."""
    if (system := _system_error(error)) is not None:
        return reason_of(system)
    cause = getattr(error.args[0] if error.args else None, "reason", None) or error
    return f"{type(error).__name__}: {cause}".replace(url, host_of(url))


def _system_error(error: BaseException) -> OSError | None:
    """The system error at the root of a library's exception."""
    found: OSError | None = None
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            found = below
        below = below.__cause__ or below.__context__
    return found
