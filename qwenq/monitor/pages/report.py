"""A job's report as a page: the one that `qwenq report` writes."""

import base64
import hashlib
import re
from functools import partial

from sqlalchemy import Connection

from qwenq.monitor.headers import POLICY, policy_with
from qwenq.monitor.pages.job_place import unknown_job
from qwenq.monitor.pages.page import Page
from qwenq.report.facts import Report, ReportOptions
from qwenq.report.gathering import gather_report
from qwenq.report.page import render_page
from qwenq.schedules.changes import changes_section

_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


class ReportPage(Page):
    """GET /jobs/<id>/report."""

    async def get(self, job_id: str) -> None:
        """Show the report of a job as it is now. A million documents take seconds."""
        options = ReportOptions(show_text=self.shows_text)
        find = partial(find_report, job_id=int(job_id), options=options)
        report = await self.application.reader.read(find)
        page = await self.application.reader.apart(partial(render_page, report))
        self.set_header(POLICY, policy_with("style-src", _source_of_style(page)))
        self.finish(page)


def find_report(connection: Connection, job_id: int, options: ReportOptions) -> Report:
    """Read a job's report. Raises UnknownJob."""
    changes = changes_section(connection, job_id)
    report = gather_report(connection, job_id, options, [changes] if changes else [])
    if report is None:
        raise unknown_job(job_id)
    return report


def _source_of_style(page: str) -> str:
    """The report's style sheet as a source of a policy. The report is one file, so that it holds its style itself."""
    found = _STYLE.search(page)
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
