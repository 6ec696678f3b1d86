"""The base of our pages: protection of posts, rendering of pages and live parts, and error pages."""

import re
from http import HTTPStatus
from typing import Any, Protocol

from tornado.web import HTTPError, RequestHandler

from qwenq.access.roles import Role, Visitor
from qwenq.monitor.admitted import Admitted, Host, is_foreign
from qwenq.monitor.broker_watch import BrokerWatch
from qwenq.monitor.escaping import with_code
from qwenq.monitor.reading import StoreReader
from qwenq.schemas.errors import QwenqError, ServiceAway, UnknownJob
from qwenq.schemas.settings import Settings
from qwenq.wording import numbers
from qwenq.wording.shortening import middle_cut
from qwenq.wording.workers import how_far, no_worker

STOP_POLLING = 286
"""An HTTP status that tells htmx: show this, then stop polling."""
TEXT_IS_HIDDEN = "This Flower shows no documents and no answers, because QWENQ_SHOW_TEXT is false."
_OF_ONE = re.compile("/((job|schedule)s/([0-9]{1,18}))/")
_NOTICE = "qwenq_notice"
_STALE_FORM = "This form is too old, or came from another site. Go back, reload the page, and try again."
_FAULT = "This page failed because of an internal error. Flower's log has the details."


class PageHost(Host, Protocol):
    """What pages need of their application: settings, visitors, store and broker, and a proxy's path prefix."""

    qwenq_settings: Settings
    reader: StoreReader
    broker_watch: BrokerWatch
    broker_uri: str
    root: str
    version: str

    def asset(self, path: str) -> str:
        """The address of a file in static/."""


class Page(Admitted):
    """A handler of ours in Flower: with Flower's layout, and qwenq's errors and posts."""

    application: PageHost

    def set_default_headers(self) -> None:
        """Forbid caching. Flower's own handlers let other sites read pages when its API is open; ours do not."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "HX-Request")

    async def head(self, *given: str) -> None:
        """Do the same as for GET; Tornado drops the body."""
        await self.get(*given)

    def check_xsrf_cookie(self) -> None:
        """Raise HTTPError unless the post came from a form of ours."""
        if is_foreign(self.request):
            raise HTTPError(HTTPStatus.FORBIDDEN, _STALE_FORM)
        try:
            RequestHandler.check_xsrf_cookie(self)
        except HTTPError:
            raise HTTPError(HTTPStatus.FORBIDDEN, _STALE_FORM) from None

    @property
    def visitor(self) -> Visitor:
        """Who requests the page."""
        visitor = self.application.visitor_of(self.request)
        if visitor is None:
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        return visitor

    @property
    def wants_live_part(self) -> bool:
        """Whether htmx requests a live part for a page that is open."""
        return bool(self.request.headers.get("HX-Request") == "true")

    def show(self, name: str, **facts: Any) -> None:
        """Render `<name>.html`, or `<name>_live.html` if htmx requests the live part."""
        if self.wants_live_part:
            self.render(f"{name}_live.html", **self._facts(), **facts)
            return
        notice = self.get_secure_cookie(_NOTICE)
        if notice:
            self.clear_cookie(_NOTICE)
        self.render(f"{name}.html", notice=(notice or b"").decode(), **self._facts(), **facts)

    @property
    def shows_text(self) -> bool:
        """Whether pages show text, and names that people gave to jobs and documents."""
        return self.application.qwenq_settings.show_text

    def stop_polling(self) -> None:
        """Tell an open page to stop polling, because nothing will change any more."""
        if self.wants_live_part:
            self.set_status(STOP_POLLING, "No further changes")

    def go(self, path: str, notice: str = "") -> None:
        """Redirect the browser to another page of ours, which then shows the notice."""
        if notice:
            self.set_secure_cookie(_NOTICE, notice, expires_days=None)
        self.redirect(f"{self.application.root}{path}", status=HTTPStatus.SEE_OTHER)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong and what to do: as a page, or as a line for a page that is open."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status, sentence = _described(error, status_code)
        self.set_status(status)
        if self.wants_live_part:
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            self.finish(sentence)
            return
        of_one = (
            None
            if isinstance(error, UnknownJob)
            else _OF_ONE.match(self.request.path, len(self.application.root))
        )
        back = (of_one[1], f"{of_one[2]} {of_one[3]}") if of_one else None
        self.render("trouble.html", notice="", status=status, sentence=sentence, back=back, **self._facts())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log only faults of the program. The page itself reports what a person can fix."""
        if not isinstance(value, QwenqError):
            super().log_exception(typ, value, tb)

    def _facts(self) -> dict[str, Any]:
        # The page for an unknown address has none.
        visitor = self.application.visitor_of(self.request)
        return {
            "root": self.application.root,
            "asset": self.application.asset,
            "words": numbers,
            "middle_cut": middle_cut,
            "coded": with_code,
            "no_worker": no_worker,
            "broker_trouble": self.application.broker_watch.trouble,
            "may_act": visitor is not None and visitor.role == Role.OPERATOR,
            "how_far": how_far,
            "show_text": self.shows_text,
        }


def _described(error: BaseException | None, status_code: int) -> tuple[int, str]:
    """Describe an error: an HTTP status and a sentence."""
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
