"""The page of one document: its whole text, its prompt, and its answer or failure."""

from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.actions.showing import prompt_in_messages
from qwenq.monitor.pages.job_place import unknown_job
from qwenq.monitor.pages.page import TEXT_IS_HIDDEN, Page
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.views.job_pages import DocumentDetails
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.jobs.previews import document_details
from qwenq.wording.document_text import row_in_words


class DocumentPage(Page):
    """GET /jobs/<id>/documents/<place in the input, from 0>."""

    async def get(self, job_id: str, seq: str) -> None:
        """Show a document. Raises HTTPError 403 if text is hidden."""
        if not self.shows_text:
            raise HTTPError(HTTPStatus.FORBIDDEN, TEXT_IS_HIDDEN)
        find = partial(find_document, job_id=int(job_id), seq=int(seq))
        document, spec = await self.application.reader.read(find)
        prompt = None
        if document.custom_id is not None:  # a bad row never had a prompt
            prompt = await self.application.reader.apart(partial(prompt_in_messages, spec, document.content))
        row = row_in_words(document.content, spec)
        self.show("document", job_id=int(job_id), document=document, row=row, prompt=prompt)


def find_document(connection: Connection, job_id: int, seq: int) -> tuple[DocumentDetails, PromptSpec]:
    """Read a document, and how it becomes a prompt. Raises UnknownJob, HTTPError 404."""
    details = job_details(connection, job_id)
    if details is None:
        raise unknown_job(job_id)
    document = document_details(connection, job_id, seq)
    if document is None:
        raise HTTPError(HTTPStatus.NOT_FOUND, f"Job {job_id} has no such document.")
    return document, details.prompt
