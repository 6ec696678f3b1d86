"""Flower's application with our routes before its own, and one guard and one set of headers for all of them."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

from celery import Celery
from flower.app import Flower, rewrite_handler
from flower.urls import settings as flower_settings
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop

from qwenq.monitor.broker_events import BrokerEvents
from qwenq.monitor.guard import Guard, Refused
from qwenq.monitor.headers import ProtectiveHeaders
from qwenq.monitor.layouts import Layouts
from qwenq.monitor.metrics.exporter import Exporter
from qwenq.monitor.reading import StoreReader
from qwenq.schemas.errors import CannotListen, reason_of
from qwenq.schemas.settings import Settings, without_passwords
from qwenq.store.broker.broker import broker_url

_log = logging.getLogger(__name__)


class Monitor(Flower):  # type: ignore[misc]  # Flower has no types
    """Flower with qwenq's pages: the `PageHost` of their handlers, which come with `routes`. `options` are Flower's.

    `root` is what a proxy puts before each path, such as /flower; it is usually empty.
    """

    def __init__(self, settings: Settings, options: Any, celery: Celery, routes: Sequence[Any]) -> None:
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
        self.add_handlers(".*", [rewrite_handler(route, prefix) if prefix else route for route in routes])
        self.reader = StoreReader(settings)
        self.exporter = Exporter(self.reader)
        self._guard = Guard.of(options)

    @cached_property
    def broker_uri(self) -> str:
        """The broker's address as its page shows it."""
        return without_passwords(broker_url(self.qwenq_settings))

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate:
        """Ask the guard, then route the request. No route can forget to ask."""
        refusal = self._guard.refusal(request)
        if refusal is not None:
            found = self.get_handler_delegate(request, Refused, {"refusal": refusal})
        else:
            found = super().find_handler(request)
        return cast("HTTPMessageDelegate", found)

    def listen_and_serve(self) -> None:
        """Listen, log the address, and answer requests until `stop`. Raises CannotListen."""
        try:
            port = self.start_http_server()
        except OSError as error:
            raise CannotListen(self.options.address, self.options.port, reason_of(error)) from None
        place = self.options.unix_socket or f"http://{self.options.address}:{port}{self.root}/jobs"
        _log.info("Flower at %s; broker %s", place, self.broker_uri)
        self.start()

    def stop(self) -> None:
        """Stop the event loop. Calling it again does nothing."""
        super().stop()
        self.reader.close()
