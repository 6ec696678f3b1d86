"""The page of one document: its whole text, and its answer or failure."""

from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.pages.job_place import unknown_job
from qwenq.monitor.pages.page import Page
from qwenq.schemas.views.job_pages import DocumentDetails
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.jobs.previews import document_details
from qwenq.wording.document_text import row_in_words

_HIDDEN = "This Flower shows no documents and no answers, because QWENQ_SHOW_TEXT is false."


class DocumentPage(Page):
    """GET /jobs/<id>/documents/<place in the input, from 0>."""

    async def get(self, job_id: str, seq: str) -> None:
        """Show a document. Raises HTTPError 403 if text is hidden."""
        if not self.shows_text:
            raise HTTPError(HTTPStatus.FORBIDDEN, _HIDDEN)
        find = partial(find_document, job_id=int(job_id), seq=int(seq))
        document, row = await self.application.reader.read(find)
        self.show("document", job_id=int(job_id), document=document, row=row)


def find_document(connection: Connection, job_id: int, seq: int) -> tuple[DocumentDetails, str]:
    """Read a document, and its row as text. Raises UnknownJob, HTTPError 404."""
    details = job_details(connection, job_id)
    if details is None:
        raise unknown_job(job_id)
    document = document_details(connection, job_id, seq)
    if document is None:
        raise HTTPError(HTTPStatus.NOT_FOUND, f"Job {job_id} has no such document.")
    return document, row_in_words(document.content, details.prompt)
