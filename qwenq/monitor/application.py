"""Flower's application with our routes before its own, and one guard and one set of headers for all of them."""

import logging
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any, cast

from celery import Celery
from flower.app import Flower, rewrite_handler
from flower.urls import settings as flower_settings
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets, bind_unix_socket

from qwenq.access.owner_token import keep_address, shown_address
from qwenq.access.roles import Visitor
from qwenq.monitor.admitted import flowers_routes
from qwenq.monitor.broker_events import BrokerEvents
from qwenq.monitor.broker_watch import BrokerWatch
from qwenq.monitor.guard import Guard, Redirect, Refusal
from qwenq.monitor.headers import ProtectiveHeaders
from qwenq.monitor.layouts import Layouts, asset_url
from qwenq.monitor.metrics.exporter import Exporter
from qwenq.monitor.pages.help import UnknownPage
from qwenq.monitor.reading import StoreReader
from qwenq.monitor.refused import Redirected, Refused
from qwenq.monitor.replies import CheckedInspector, NothingUnclaimed
from qwenq.monitor.server import BoundedServer
from qwenq.schemas.errors import CannotListen, reason_of
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url

SOCKET_MODE = 0o666
"""Of a Unix socket. The proxy has a user of its own, and requests need credentials."""
_VISITOR = "qwenq_visitor"

_log = logging.getLogger(__name__)


class Monitor(Flower):  # type: ignore[misc]  # Flower has no types
    """Flower with qwenq's pages: the `PageHost` of their handlers, which come with `routes`. `options` are Flower's.

    `root` is what a proxy puts before each path, such as /flower; it is usually empty. `token` opens the pages for
    their owner where there are no users.
    """

    def __init__(
        self, settings: Settings, options: Any, celery: Celery, routes: Sequence[Any], token: str | None
    ) -> None:
        self.qwenq_settings = settings
        io_loop = IOLoop.current()
        super().__init__(
            options=options,
            capp=celery,
            io_loop=io_loop,
            events=BrokerEvents(celery, self.broker_uri, options, io_loop),
            **flower_settings
            | {
                "template_loader": Layouts(),
                "transforms": [ProtectiveHeaders],
                "xsrf_cookie_kwargs": {"samesite": "Lax"},
            },
        )
        prefix = (options.url_prefix or "").strip("/")
        self.root = f"/{prefix}" if prefix else ""
        served = [*routes, *flowers_routes(options.auth_provider)]
        self.add_handlers(".*", [rewrite_handler(route, prefix) if prefix else route for route in served])
        self.inspector = CheckedInspector(io_loop, celery, options.inspect_timeout / 1000)
        cast("Any", celery.control).mailbox.unclaimed = NothingUnclaimed()
        self.reader = StoreReader(settings)
        self.broker_watch = BrokerWatch(settings)
        self.exporter = Exporter(self.reader)
        self._token = token
        self._guard = Guard.of(settings, options, token, self.root)
        # Flower's pages have buttons for what is off.
        self.options.read_only = True

    @cached_property
    def broker_uri(self) -> str:
        """The broker's address as its page shows it."""
        return without_passwords(broker_url(self.qwenq_settings))

    @cached_property
    def version(self) -> str:
        """The version of qwenq, which the header shows."""
        return version("qwenq")

    def asset(self, path: str) -> str:
        """The address of a file in static/."""
        return self.root + asset_url(path)

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate:
        """Ask the guard, then route the request. No route can forget to ask."""
        decided = self._guard.admit(request)
        match decided:
            case Refusal(status=404) if request.method == "GET":
                found = self.get_handler_delegate(request, UnknownPage)
            case Refusal():
                found = self.get_handler_delegate(request, Refused, {"refusal": decided})
            case Redirect():
                found = self.get_handler_delegate(request, Redirected, {"redirect": decided})
            case _:
                setattr(request, _VISITOR, decided)
                found = super().find_handler(request)
        return cast("HTTPMessageDelegate", found)

    def visitor_of(self, request: HTTPServerRequest) -> Visitor | None:
        """Who sends a request. None only while somebody signs in by OAuth."""
        return cast("Visitor | None", getattr(request, _VISITOR, None))

    def start_http_server(self) -> int | None:
        """Listen, within the limits of `BoundedServer`. Returns the port; None at a Unix socket. Raises OSError."""
        server = BoundedServer(self, self._guard.proxies.trusts, self.ssl_options)
        if self.options.unix_socket:
            server.add_socket(bind_unix_socket(self.options.unix_socket, mode=SOCKET_MODE))
            return None
        sockets = bind_sockets(self.options.port, address=self.options.address)
        server.add_sockets(sockets)
        return cast("int", sockets[0].getsockname()[1])

    def start(self) -> None:
        """Answer requests until `stop`."""
        try:
            super().start()
        finally:
            self.io_loop.run_sync(self.inspector.end)
            self.io_loop.run_sync(self.exporter.end)

    def listen_and_serve(self) -> None:
        """Listen, log the address, and answer requests until `stop`. Raises CannotListen."""
        try:
            port = self.start_http_server()
        except OSError as error:
            raise CannotListen(self.options.address, self.options.port, reason_of(error)) from None
        place = self.options.unix_socket or self._jobs_address(port)
        _log.info("Flower at %s; broker %s", place, self.broker_uri)
        self.start()

    def _jobs_address(self, port: int | None) -> str:
        """The address of the jobs' page. The owner's has the token, and is kept for `qwenq flower --url`."""
        scheme = "https" if self.ssl_options else "http"
        host = f"[{self.options.address}]" if ":" in self.options.address else self.options.address
        url = f"{scheme}://{host}:{port}{self.root}/jobs"
        if self._token is None:
            return url
        keep_address(self.qwenq_settings.home, url, self._token)
        return shown_address(url, self._token)

    def stop(self) -> None:
        """Stop the event loop. Calling it again does nothing."""
        super().stop()
        self.reader.close()
        self.broker_watch.close()
