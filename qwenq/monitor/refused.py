"""Handlers of requests that reach no page: refusals, and the owner's token becoming a cookie."""

from http import HTTPStatus

from tornado.web import RequestHandler, stream_request_body

from qwenq.monitor.guard import Redirect, Refusal, cookie_name

COOKIE_DAYS = 30


class _AnyMethod:
    def __contains__(self, method: object) -> bool:
        return True


@stream_request_body
class Refused(RequestHandler):
    """Answers any request with a refusal, as soon as its headers are there.

    Its body is not kept in memory, and the connection is closed before it has been read.
    """

    SUPPORTED_METHODS = _AnyMethod()  # type: ignore[assignment]  # Tornado would answer some of them itself

    def initialize(self, refusal: Refusal) -> None:
        """Store the refusal."""
        self._refusal = refusal

    def check_xsrf_cookie(self) -> None:
        """Require no token: the request changes nothing."""

    def prepare(self) -> None:
        """Send the refusal for every method."""
        self.set_status(self._refusal.status)
        for name, value in self._refusal.headers:
            self.set_header(name, value)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Connection", "close")
        self.finish(self._refusal.reason + "\n")

    def data_received(self, chunk: bytes) -> None:
        """Drop a piece of the body."""


@stream_request_body
class Redirected(RequestHandler):
    """Sends a browser to another page, and takes the owner's token out of the address."""

    def initialize(self, redirect: Redirect) -> None:
        """Store where to."""
        self._redirect = redirect

    def prepare(self) -> None:
        """Set the cookie, and redirect."""
        if self._redirect.token is not None:
            self.set_cookie(
                cookie_name(self.request),
                self._redirect.token,
                expires_days=COOKIE_DAYS,
                httponly=True,
                samesite="Strict",
                secure=self.request.protocol == "https",
            )
        self.set_header("Cache-Control", "no-store")
        self.set_header("Connection", "close")
        self.redirect(self._redirect.to, status=HTTPStatus.SEE_OTHER)

    def data_received(self, chunk: bytes) -> None:
        """Drop a piece of the body."""
