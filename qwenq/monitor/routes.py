"""Our routes, one a line. Flower's come after them."""

from typing import Any

from tornado.web import RedirectHandler, StaticFileHandler, url

from qwenq.monitor.documents.document import DocumentPage
from qwenq.monitor.documents.downloads import JobDownload
from qwenq.monitor.documents.found import DocumentsPage
from qwenq.monitor.layouts import OUR_STATIC
from qwenq.monitor.metrics.page import MetricsPage
from qwenq.monitor.pages.actions import JobAction
from qwenq.monitor.pages.broker import BrokerPage
from qwenq.monitor.pages.fleet import FleetPage
from qwenq.monitor.pages.help import HelpPage
from qwenq.monitor.pages.job import JobPage
from qwenq.monitor.pages.jobs import JobsPage
from qwenq.monitor.pages.report import ReportPage
from qwenq.monitor.pages.schedule_actions import RunAction, ScheduleAction
from qwenq.monitor.pages.schedules import SchedulePage, SchedulesPage

ROUTES: list[Any] = [
    url(r"/jobs", JobsPage, name="jobs"),
    url(r"/jobs/", RedirectHandler, {"url": "../jobs", "permanent": False}),
    url(r"/jobs/([0-9]{1,18})", JobPage),
    url(r"/jobs/([0-9]{1,18})/documents/([0-9]{1,9})", DocumentPage),
    url(r"/jobs/([0-9]{1,18})/documents", DocumentsPage),
    url(r"/jobs/([0-9]{1,18})/report", ReportPage),
    url(r"/help", HelpPage, name="help"),
    url(r"/schedules", SchedulesPage, name="schedules"),
    url(r"/schedules/([0-9]{1,18})", SchedulePage),
    url(r"/fleet", FleetPage, name="fleet"),
    url(r"/broker", BrokerPage),
    url(r"/jobs/([0-9]{1,18})/(cancel|pause|resume|retry)", JobAction),
    url(r"/schedules/([0-9]{1,18})/(run|pause|resume|edit)", ScheduleAction),
    url(r"/schedules/([0-9]{1,18})/runs/([0-9]{1,18})/(again|deliver)", RunAction),
    url(r"/jobs/([0-9]{1,18})/(results\.jsonl|results\.csv|errors\.jsonl)", JobDownload),
    url(r"/metrics", MetricsPage),
    url(r"/qwenq/static/(.*)", StaticFileHandler, {"path": str(OUR_STATIC)}),
]
