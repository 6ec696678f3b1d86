"""Access to Flower: a request is refused before any handler sees it."""

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
    """Why a request is refused: an HTTP status and a sentence."""

    status: int
    reason: str


_NO_CREDENTIALS = Refusal(401, "Sign in with the user and password of QWENQ_FLOWER_AUTH.")
_STRANGE_NAME = Refusal(
    403,
    "Without QWENQ_FLOWER_AUTH, Flower responds only to this machine's own names, such as localhost or 127.0.0.1.",
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Requires credentials if any are set; otherwise requires that the request names this machine.

    The second rule stops DNS rebinding: a page of another host, whose name was pointed here, cannot read ours.
    """

    credentials: Sequence[str]
    local_only: bool

    @classmethod
    def of(cls, options: Any) -> "Guard":
        """Make the guard for Flower's options. The handlers themselves check a sign-in by OAuth."""
        credentials = tuple(options.basic_auth or ())
        return cls(credentials, not (credentials or options.auth or options.unix_socket))

    def refusal(self, request: HTTPServerRequest) -> Refusal | None:
        """Why the request is refused; None if it is allowed."""
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
    """Answers any request with a refusal."""

    def initialize(self, refusal: Refusal) -> None:
        """Store the refusal."""
        self._refusal = refusal

    def check_xsrf_cookie(self) -> None:
        """Require no token: the request changes nothing."""

    def prepare(self) -> None:
        """Send the refusal for every method."""
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
