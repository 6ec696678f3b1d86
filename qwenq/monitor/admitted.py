"""Flower's own handlers, for visitors whom our guard has let in."""

from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from flower.app import default_handlers
from flower.views import BaseHandler
from flower.views.auth import LoginHandler
from flower.views.error import NotFoundErrorHandler
from tornado.httputil import HTTPServerRequest
from tornado.util import import_object
from tornado.web import HTTPError, url

from qwenq.access.roles import Visitor

_SAME = {"same-origin", "none"}


class Host(Protocol):
    """What handlers need of their application."""

    def visitor_of(self, request: HTTPServerRequest) -> Visitor | None:
        """Who sends a request."""


class Admitted(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """A handler whose visitor the guard knows. Its cookies are for this site and for HTTPS, where that is used."""

    application: Host

    def prepare(self) -> None:
        """Do not ask for credentials again."""

    def get_current_user(self) -> str | None:
        """The visitor's name."""
        visitor = self.application.visitor_of(self.request)
        return visitor.name if visitor else None

    def check_xsrf_cookie(self) -> None:
        """Raise HTTPError if a post comes from another site. Flower's posts that are allowed change nothing."""
        if is_foreign(self.request):
            raise HTTPError(HTTPStatus.FORBIDDEN, "This request came from another site.")

    def set_cookie(self, name: str, value: str | bytes, *given: Any, **named: Any) -> None:
        """Set a cookie, by default for requests of this site only."""
        named.setdefault("samesite", "Lax")
        named["secure"] = self.request.protocol == "https"
        super().set_cookie(name, value, *given, **named)


def is_foreign(request: HTTPServerRequest) -> bool:
    """Whether a browser says that another site makes the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _SAME
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def flowers_routes(provider: str | None) -> list[Any]:
    """Flower's routes with handlers that ask our guard. `provider` names the class that signs in by OAuth.

    The last one, for addresses without a page, would hide /favicon.ico, which comes after them.
    """
    found = [route if isinstance(route, url) else url(*route) for route in default_handlers[:-1]]
    return [
        url(one.regex.pattern, _admitted(one.handler_class, provider), one.kwargs, one.name) for one in found
    ]


def _admitted(handler: Any, provider: str | None) -> Any:
    if handler is LoginHandler:
        # Flower's makes an instance of the provider's class, which would not be ours.
        handler = import_object(provider) if provider else NotFoundErrorHandler
    if not issubclass(handler, BaseHandler):
        return handler
    return type(handler.__name__, (Admitted, handler), {})
