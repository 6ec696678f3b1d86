"""A job's answers and errors as files, streamed in pages of rows as fast as the browser reads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from sqlalchemy import Connection
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from qwenq.exporting import FileStyle, KeepColumns, as_csv, as_jsonl, csv_heading, results_sheet
from qwenq.exporting.formulas import without_formulas
from qwenq.exporting.kept_columns import with_members
from qwenq.exporting.sheets import ERRORS, Sheet
from qwenq.monitor.pages.page import Page
from qwenq.schemas.errors import UnknownJob
from qwenq.store.views.answers import results
from qwenq.store.views.jobs.details import job_details

PageAfter = Callable[[Connection, int, int], results.PageOfLines[Any]]
"""Reads the page of a job's lines behind a document."""
_MARK = "\ufeff"
_HIDDEN = (
    "This Flower hides documents and answers (QWENQ_SHOW_TEXT=false). Use the command line: qwenq results {}"
)


@dataclass(frozen=True, slots=True)
class _File:
    """A file: its heading, how to read a page of its rows, and how to write one."""

    media_type: str
    page_after: PageAfter
    written: Callable[[list[Any]], str]
    heading: str = ""


class JobDownload(Page):
    """GET /jobs/<id>/results.jsonl, results.csv or errors.jsonl, as `qwenq results` writes them.

    With ?csv_safe=true, results.csv is as with --csv-safe, and with ?bom=true as with --bom. With ?columns=all,
    JSONL has the columns of the input as well, as with --keep-columns all.
    """

    async def get(self, given_id: str, name: str) -> None:
        """Stream the file. Each page of rows has its own transaction: a slow browser must not keep one open."""
        job_id = int(given_id)
        if not self.shows_text:
            raise HTTPError(HTTPStatus.FORBIDDEN, _HIDDEN.format(job_id))
        csv_safe, bom = (self.get_query_argument(one, "") == "true" for one in ("csv_safe", "bom"))
        keep: KeepColumns = "all" if self.get_query_argument("columns", "") == "all" else None
        find = partial(_file, job_id=job_id, name=name, style=FileStyle(csv_safe, bom, keep))
        file = await self.application.reader.read(find)
        if file is None:
            raise UnknownJob(job_id=job_id, store=self.application.reader.address)
        self.set_header("Content-Type", f"{file.media_type}; charset=UTF-8")
        self.set_header("Content-Disposition", f'attachment; filename="job-{job_id}-{name}"')
        self.write(file.heading)
        await self.flush()
        if self.request.method == "HEAD":
            return
        try:
            await self._send(file, job_id)
        except StreamClosedError:
            return
        except Exception:
            # The file is incomplete and must not look complete: cut the connection without an end marker.
            self.detach().close()
            raise

    async def _send(self, file: _File, job_id: int) -> None:
        after = -1
        while True:
            page = await self.application.reader.read(partial(_page, file=file, job_id=job_id, after=after))
            if not page.lines:
                return
            self.write(await self.application.reader.apart(partial(file.written, page.lines)))
            await self.flush()
            after = page.last


def _file(connection: Connection, job_id: int, name: str, style: FileStyle) -> _File | None:
    """The file by its name; None if there is no such job."""
    details = job_details(connection, job_id)
    if details is None:
        return None
    sheet = results_sheet(details.params.response_format.schema_text)
    if name == "errors.jsonl":
        return _json_lines(results.errors_after, ERRORS, style)
    if name == "results.jsonl":
        return _json_lines(results.results_after, sheet, style)
    if style.csv_safe:
        sheet = without_formulas(sheet)
    heading = (_MARK if style.bom else "") + csv_heading(sheet)
    return _File("text/csv", results.results_after, partial(as_csv, sheet=sheet), heading)


def _json_lines(page_after: PageAfter, sheet: Sheet[Any], style: FileStyle) -> _File:
    if style.keep_columns is None:
        return _File("application/jsonl", page_after, as_jsonl)

    def whole(connection: Connection, job_id: int, after: int) -> results.PageOfLines[Any]:
        return results.with_documents(connection, job_id, page_after(connection, job_id, after))

    written = partial(as_jsonl, sheet=with_members(sheet, style.keep_columns))
    return _File("application/jsonl", whole, written)


def _page(connection: Connection, file: _File, job_id: int, after: int) -> results.PageOfLines[Any]:
    return file.page_after(connection, job_id, after)
