"""Who may ask at all: a request is refused before any handler sees it."""

import hmac
import ipaddress
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered, as an HTTP status and a sentence."""

    status: int
    reason: str


_NO_CREDENTIALS = Refusal(401, "User and password, please: those of QWENQ_FLOWER_AUTH.")
_STRANGE_NAME = Refusal(
    403,
    "Without QWENQ_FLOWER_AUTH, Flower answers only under this machine's own names, such as localhost or 127.0.0.1.",
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Asks for credentials where there are some, for a name of this machine where there are none.

    The latter keeps a page of another host, whose name was made to point here (DNS rebinding), from reading ours.
    """

    credentials: Sequence[str]
    local_only: bool

    @classmethod
    def of(cls, options: Any) -> "Guard":
        """The guard that Flower's options ask for. Sign-in by OAuth is for the handlers to ask."""
        credentials = tuple(options.basic_auth or ())
        return cls(credentials, not (credentials or options.auth or options.unix_socket))

    def refusal(self, request: HTTPServerRequest) -> Refusal | None:
        """Why a request is refused; None when it may go on."""
        if self.credentials and not self._knows(request.headers.get("Authorization", "")):
            return _NO_CREDENTIALS
        if self.local_only and not _is_local(request.host_name):
            return _STRANGE_NAME
        return None

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = b64decode(encoded.strip(), validate=True)
        except ValueError:
            return False
        known = [hmac.compare_digest(given, one.encode()) for one in self.credentials]
        return scheme.lower() == "basic" and any(known)


class Refused(RequestHandler):
    """Answers whatever was asked with a refusal."""

    def initialize(self, refusal: Refusal) -> None:
        """Take the refusal."""
        self._refusal = refusal

    def check_xsrf_cookie(self) -> None:
        """Ask for no token: nothing is done."""

    def prepare(self) -> None:
        """Refuse, whatever the method."""
        self.set_status(self._refusal.status)
        if self._refusal is _NO_CREDENTIALS:
            self.set_header("WWW-Authenticate", 'Basic realm="qwenq", charset="UTF-8"')
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(self._refusal.reason + "\n")


def _is_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.lower() in LOCAL_NAMES
