"""Our routes, one a line. Flower's come after them."""

from typing import Any

from tornado.web import RedirectHandler, StaticFileHandler, url

from qwenq.monitor.layouts import OUR_STATIC
from qwenq.monitor.metrics.page import MetricsPage
from qwenq.monitor.pages.actions import JobAction
from qwenq.monitor.pages.broker import BrokerPage
from qwenq.monitor.pages.document import DocumentPage
from qwenq.monitor.pages.downloads import JobDownload
from qwenq.monitor.pages.fleet import FleetPage
from qwenq.monitor.pages.job import JobPage
from qwenq.monitor.pages.jobs import JobsPage

ROUTES: list[Any] = [
    url(r"/jobs", JobsPage, name="jobs"),
    url(r"/jobs/", RedirectHandler, {"url": "../jobs", "permanent": False}),
    url(r"/jobs/([0-9]{1,18})", JobPage),
    url(r"/jobs/([0-9]{1,18})/documents/([0-9]{1,9})", DocumentPage),
    url(r"/fleet", FleetPage, name="fleet"),
    url(r"/broker", BrokerPage),
    url(r"/jobs/([0-9]{1,18})/(cancel|pause|resume|retry)", JobAction),
    url(r"/jobs/([0-9]{1,18})/(results\.jsonl|results\.csv|errors\.jsonl)", JobDownload),
    url(r"/metrics", MetricsPage),
    url(r"/qwenq/static/(.*)", StaticFileHandler, {"path": str(OUR_STATIC)}),
]
