"""Signing in by OAuth, which Flower brings: who is signed in."""

from dataclasses import dataclass
from typing import Any, Self

from flower.urls import settings as flower_settings
from flower.utils.authentication import authenticate
from tornado.httputil import HTTPServerRequest
from tornado.web import decode_signed_value

COOKIE = "user"
_DAYS = 30


@dataclass(frozen=True, slots=True)
class OAuth:
    """Which addresses may sign in (FLOWER_AUTH), and the secret that signs the cookie of those who did."""

    addresses: str
    secret: str

    @classmethod
    def of(cls, options: Any) -> Self | None:
        """Read Flower's options. None without OAuth."""
        return cls(options.auth, flower_settings["cookie_secret"]) if options.auth else None

    def user_of(self, request: HTTPServerRequest) -> str | None:
        """The mail address of the user who is signed in."""
        cookie = request.cookies.get(COOKIE)
        value = decode_signed_value(self.secret, COOKIE, cookie.value, _DAYS) if cookie else None
        user = value.decode(errors="replace") if value else ""
        return user if user and authenticate(self.addresses, user) else None
