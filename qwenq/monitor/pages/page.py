"""What our pages share: who may post, how a page and its live part are shown, and how an error is told."""

from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from flower.views import BaseHandler
from tornado.web import HTTPError, RequestHandler

from qwenq.monitor.layouts import asset_url
from qwenq.monitor.reading import StoreReader
from qwenq.schemas.errors import QwenqError, ServiceAway, UnknownJob
from qwenq.schemas.settings import Settings
from qwenq.wording import numbers

STOP_POLLING = 286
"""An HTTP status that htmx takes for: show this, and ask no more."""
_NOTICE = "qwenq_notice"
_SAME = {"same-origin", "none"}
_STALE_FORM = "This form is too old, or came from another site. Go back, load the page again, and repeat it."
_FAULT = "This page failed for a reason that it does not know; Flower's log has it."


class PageHost(Protocol):
    """What pages need of their application: settings, Flower's options, the store, and a proxy's path prefix."""

    qwenq_settings: Settings
    options: Any
    reader: StoreReader
    root: str


class Page(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """A handler of ours, inside Flower: its layout, its sign-in, but errors and posts as qwenq wants them."""

    application: PageHost

    def set_default_headers(self) -> None:
        """Keep no copy. Flower's own headers open pages to other sites where its API is open: not ours."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "HX-Request")

    def prepare(self) -> None:
        """Send away who must sign in first (Flower's OAuth; the guard has asked for a password already)."""
        if not self.current_user:
            self.redirect(self.get_login_url())

    async def head(self, *given: str) -> None:
        """Answer as to a GET: Tornado leaves the body out."""
        await self.get(*given)

    def check_xsrf_cookie(self) -> None:
        """Refuse a post that did not come from a form of ours. Raises HTTPError."""
        if self._is_foreign():
            raise HTTPError(HTTPStatus.FORBIDDEN, _STALE_FORM)
        try:
            RequestHandler.check_xsrf_cookie(self)
        except HTTPError:
            raise HTTPError(HTTPStatus.FORBIDDEN, _STALE_FORM) from None

    @property
    def wants_live_part(self) -> bool:
        """Whether the page that is open already asks for what has changed."""
        return bool(self.request.headers.get("HX-Request") == "true")

    def show(self, name: str, **facts: Any) -> None:
        """Render `<name>.html`, or `<name>_live.html`, its part that updates itself, when that is asked for."""
        if self.wants_live_part:
            self.render(f"{name}_live.html", **self._facts(), **facts)
            return
        notice = self.get_secure_cookie(_NOTICE)
        if notice:
            self.clear_cookie(_NOTICE)
        self.render(f"{name}.html", notice=(notice or b"").decode(), **self._facts(), **facts)

    def stop_polling(self) -> None:
        """Tell the page that asks again and again that nothing will change any more."""
        if self.wants_live_part:
            self.set_status(STOP_POLLING, "No more to come")

    def go(self, path: str, notice: str = "") -> None:
        """Send the browser to another page of ours, which then shows a sentence."""
        if notice:
            self.set_secure_cookie(_NOTICE, notice, expires_days=None)
        self.redirect(f"{self.application.root}{path}", status=HTTPStatus.SEE_OTHER)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong and what to do: in a page, or in a line to a page that is open."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status, sentence = _told(error, status_code)
        self.set_status(status)
        if self.wants_live_part:
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            self.finish(sentence)
            return
        self.render("trouble.html", notice="", status=status, sentence=sentence, **self._facts())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log faults of the program alone: the page itself says what a person can mend."""
        if not isinstance(value, QwenqError):
            super().log_exception(typ, value, tb)

    def _is_foreign(self) -> bool:
        site = self.request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site not in _SAME
        origin = self.request.headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != self.request.host

    def _facts(self) -> dict[str, Any]:
        root = self.application.root
        return {
            "root": root,
            "asset": lambda path: root + asset_url(path),
            "words": numbers,
            "read_only": self.application.options.read_only,
            "show_text": self.application.qwenq_settings.show_text,
        }


def _told(error: BaseException | None, status_code: int) -> tuple[int, str]:
    """An error as an HTTP status and a sentence."""
    match error:
        case UnknownJob():
            return HTTPStatus.NOT_FOUND, str(error)
        case ServiceAway():
            return HTTPStatus.SERVICE_UNAVAILABLE, str(error)
        case QwenqError():
            return HTTPStatus.CONFLICT, str(error)
        case HTTPError():
            return status_code, error.get_message() or HTTPStatus(status_code).phrase
    return status_code, _FAULT
