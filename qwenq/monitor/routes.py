"""Our routes, a line each; Flower's come after them."""

from typing import Any

from tornado.web import RedirectHandler, StaticFileHandler, url

from qwenq.monitor.actions import JobAction
from qwenq.monitor.document_page import DocumentPage
from qwenq.monitor.downloads import JobDownload
from qwenq.monitor.fleet_page import FleetPage
from qwenq.monitor.job_page import JobPage
from qwenq.monitor.jobs_page import JobsPage
from qwenq.monitor.layouts import OUR_STATIC
from qwenq.monitor.metrics_page import MetricsPage

ROUTES: list[Any] = [
    url(r"/jobs", JobsPage, name="jobs"),
    url(r"/jobs/", RedirectHandler, {"url": "../jobs", "permanent": False}),
    url(r"/jobs/([0-9]{1,18})", JobPage),
    url(r"/jobs/([0-9]{1,18})/documents/([0-9]{1,9})", DocumentPage),
    url(r"/fleet", FleetPage, name="fleet"),
    url(r"/jobs/([0-9]{1,18})/(cancel|pause|resume|retry)", JobAction),
    url(r"/jobs/([0-9]{1,18})/(results\.jsonl|results\.csv|errors\.jsonl)", JobDownload),
    url(r"/metrics", MetricsPage),
    url(r"/qwenq/static/(.*)", StaticFileHandler, {"path": str(OUR_STATIC)}),
]
