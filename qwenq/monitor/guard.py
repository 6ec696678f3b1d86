"""Access to Flower: a request is refused, or its sender known, before any handler sees it."""

import hmac
import ipaddress
import math
from dataclasses import dataclass
from typing import Any, Self

from tornado.httputil import HTTPServerRequest

from qwenq.access.pauses import Pauses
from qwenq.access.roles import Role, Rule, Visitor, rule_of
from qwenq.access.users import Users
from qwenq.monitor.oauth import OAuth
from qwenq.monitor.proxies import Proxies
from qwenq.schemas.settings import Settings

LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})
OWNER = Visitor("owner", Role.OPERATOR)
"""Who has the token of the home folder."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused: an HTTP status, a sentence, and headers."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a request is sent instead. `token`: it brought the owner's token, which becomes a cookie."""

    to: str
    token: str | None = None


_NO_PASSWORD = Refusal(
    401,
    "Sign in with a user and password of QWENQ_FLOWER_AUTH or QWENQ_FLOWER_VIEWERS.",
    (("WWW-Authenticate", 'Basic realm="qwenq", charset="UTF-8"'),),
)
_NO_TOKEN = Refusal(
    401,
    "These pages open with a token. Who started qwenq finds the address with it in the output of `qwenq up` or `qwenq "
    "flower`, or with: qwenq flower --url (in the same folder)",
    (("WWW-Authenticate", 'Bearer realm="qwenq"'),),
)
_STRANGE_NAME = Refusal(
    403,
    "Without QWENQ_FLOWER_AUTH, Flower responds only to this machine's own names, such as localhost or 127.0.0.1.",
)
_OFF = Refusal(
    403, "Flower's control of workers and tasks is off. Use the buttons of jobs, or qwenq's commands."
)
_READ_ONLY = Refusal(
    403, "This Flower is read-only. Use the command line: qwenq cancel, pause, resume or retry."
)
_MAY_NOT_ACT = Refusal(403, "You may look, but not act: that needs an operator of QWENQ_FLOWER_AUTH.")
_METRICS_ONLY = Refusal(403, "The token of QWENQ_METRICS_TOKEN opens /metrics and /healthcheck only.")
_NOT_FOUND = Refusal(404, "There is no such page.")


@dataclass(frozen=True, slots=True)
class Guard:
    """Knows the senders of requests, and what they may request.

    Without users and OAuth there is an owner's token, and a request must name this machine. The latter stops DNS
    rebinding: a page of another host, whose name was pointed here, cannot ask for ours.
    """

    users: Users
    oauth: OAuth | None
    owner_token: str | None
    proxies: Proxies
    pauses: Pauses
    read_only: bool
    root: str

    @classmethod
    def of(cls, settings: Settings, options: Any, owner_token: str | None, root: str) -> Self:
        """Make the guard for the settings and Flower's options. Raises InvalidSetting."""
        return cls(
            users=Users.of(settings),
            oauth=OAuth.of(options),
            owner_token=owner_token,
            proxies=Proxies.parse(settings.flower_proxies),
            pauses=Pauses(),
            read_only=options.read_only,
            root=root,
        )

    def admit(self, request: HTTPServerRequest) -> Visitor | Refusal | Redirect | None:
        """Decide about a request. None: it may sign in without being known."""
        self.proxies.reveal(request)
        if self.owner_token is not None and not _is_local(request.host_name):
            return _STRANGE_NAME
        rule = self._rule(request)
        found = self._identify(request, rule)
        if not isinstance(found, Visitor):
            return found
        if self.read_only and found.role == Role.OPERATOR:
            found = Visitor(found.name, Role.VIEWER)
        return self._forbidden(request, rule, found) or found

    def _rule(self, request: HTTPServerRequest) -> Rule | None:
        path = request.path
        if not path.startswith(f"{self.root}/"):
            return None
        return rule_of(path.removeprefix(self.root))

    def _identify(self, request: HTTPServerRequest, rule: Rule | None) -> Visitor | Refusal | Redirect | None:
        if self.owner_token is not None:
            return self._owner(request, self.owner_token)
        if self.oauth is not None and (name := self.oauth.user_of(request)):
            return Visitor(name, Role.OPERATOR)
        authorization = request.headers.get("Authorization")
        if authorization:
            return self._user(request, authorization)
        return self._stranger(request, rule) if self.oauth else _NO_PASSWORD

    def _stranger(self, request: HTTPServerRequest, rule: Rule | None) -> Refusal | Redirect | None:
        """Where OAuth is used, send a browser to the page that signs in. Prometheus has no use for it."""
        if rule is None or request.method not in {"GET", "HEAD"} or Role.METRICS in rule.roles:
            return _NO_PASSWORD
        return None if rule.for_sign_in else Redirect(f"{self.root}/login")

    def _owner(self, request: HTTPServerRequest, token: str) -> Visitor | Refusal | Redirect:
        """Look for the owner's token in cookie, header and address. It is too long to be guessed, so nothing waits."""
        cookie = request.cookies.get(cookie_name(request))
        given = request.headers.get("Authorization", "")
        if cookie is None and not given and "token" not in request.query_arguments:
            return _NO_TOKEN
        in_address = request.query_arguments.get("token", [b""])[-1]
        if _same(in_address, token) and request.method in {"GET", "HEAD"}:
            return Redirect(_without_token(request), token)
        if cookie is not None and _same(cookie.value.encode(), token):
            return OWNER
        scheme, _, word = given.partition(" ")
        if scheme.lower() == "bearer" and _same(word.strip().encode(), token):
            return OWNER
        visitor = self._user(request, given) if given else None
        if isinstance(visitor, Visitor):
            return visitor
        if not given:
            self.pauses.log(request.remote_ip or "")
        return _NO_TOKEN if not isinstance(visitor, Refusal) or visitor is _NO_PASSWORD else visitor

    def _user(self, request: HTTPServerRequest, authorization: str) -> Visitor | Refusal:
        address = request.remote_ip or ""
        seconds = math.ceil(self.pauses.seconds_left(address))
        if seconds:
            self.pauses.log(address)
            reason = f"There were too many wrong passwords from {address}. Try again in {seconds} seconds."
            return Refusal(429, reason, (("Retry-After", str(seconds)),))
        visitor = self.users.find(authorization)
        if visitor is None:
            self.pauses.note_refusal(address)
            return _NO_PASSWORD
        return visitor

    def _forbidden(self, request: HTTPServerRequest, rule: Rule | None, visitor: Visitor) -> Refusal | None:
        if rule is None:
            return _METRICS_ONLY if visitor.role == Role.METRICS else _NOT_FOUND
        if not rule.roles:
            return _OFF
        if visitor.role not in rule.roles:
            if visitor.role == Role.METRICS:
                return _METRICS_ONLY
            return _READ_ONLY if self.read_only else _MAY_NOT_ACT
        if request.method not in rule.methods:
            return Refusal(405, "This page has no such method.", (("Allow", ", ".join(rule.methods)),))
        return None


def cookie_name(request: HTTPServerRequest) -> str:
    """The cookie of the owner's token. Browsers send the cookies of all ports of a host to each."""
    port = request.host.rpartition(":")[2]
    return f"qwenq_token_{port}" if port.isdecimal() else "qwenq_token"


def _same(given: bytes, token: str) -> bool:
    return hmac.compare_digest(given, token.encode())


def _without_token(request: HTTPServerRequest) -> str:
    """The request's address without its token, on this host: two slashes at its start would name another."""
    kept = [word for word in request.query.split("&") if word and not word.startswith("token=")]
    path = "/" + request.path.lstrip("/\\")
    return f"{path}?{'&'.join(kept)}" if kept else path


def _is_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.lower() in LOCAL_NAMES
