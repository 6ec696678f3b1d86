"""The page of a job's documents: all of them, or those that match the address."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.pages.job_place import place_in_input, unknown_job
from qwenq.monitor.pages.job_view import JobView
from qwenq.monitor.pages.page import TEXT_IS_HIDDEN, Page
from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter, FoundDocument
from qwenq.schemas.views.job_pages import CutText
from qwenq.store.views.answers.searching import search_documents
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.jobs.failure_groups import failure_codes
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.document_text import beginning, shortened
from qwenq.wording.found_documents import state_in_words

PAGE_DOCUMENTS = 20
SEARCH_SECONDS = 1.0
"""A search for a page ends after this time, even if it found less."""
_TEXTS = ("id", "text", "answer", "code")


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A found document, and the beginnings of its text and of its answer or failure."""

    found: FoundDocument
    document: CutText
    outcome: CutText | None

    @property
    def state(self) -> str:
        """Its state in words."""
        return state_in_words(self.found)


@dataclass(frozen=True, slots=True)
class DocumentsFound:
    """A page of documents of a job, and the error codes of all of them. See FoundPage."""

    job: JobView
    lines: tuple[FoundLine, ...]
    next_after: int | None
    stopped: bool
    codes: tuple[str, ...]


class DocumentsPage(Page):
    """GET /jobs/<id>/documents?id=&text=&answer=&code=&state=&kind=&after=. Each parameter is optional."""

    async def get(self, job_id: str) -> None:
        """Show a page of documents. Raises HTTPError 403 if text is hidden."""
        if not self.shows_text:
            raise HTTPError(HTTPStatus.FORBIDDEN, TEXT_IS_HIDDEN)
        wanted, after = self._wanted(), self._after()
        find = partial(find_documents, job_id=int(job_id), wanted=wanted, after=after)
        found = await self.application.reader.read(find)
        more = found.next_after
        self.show(
            "documents",
            job_id=int(job_id),
            found=found,
            wanted=wanted,
            after=after,
            first=_address(job_id, wanted, -1),
            more=None if more is None else _address(job_id, wanted, more),
            states=list(DocumentState),
            kinds=list(AnswerKind),
        )

    def _wanted(self) -> DocumentFilter:
        texts = {name: self.get_query_argument(name, "").replace("\0", "") or None for name in _TEXTS}
        state, kind = self._chosen("state", DocumentState), self._chosen("kind", AnswerKind)
        return DocumentFilter(
            **texts, state=DocumentState(state) if state else None, kind=AnswerKind(kind) if kind else None
        )

    def _chosen(self, name: str, words: type[StrEnum]) -> str:
        given: str = self.get_query_argument(name, "")
        if given and given not in list(words):
            raise HTTPError(400, f"{name} must be one of {', '.join(words)}.")
        return given

    def _after(self) -> int:
        try:
            return place_in_input("after", self.get_query_argument("after", ""))
        except ValueError as error:
            raise HTTPError(400, str(error)) from None


def find_documents(connection: Connection, job_id: int, wanted: DocumentFilter, after: int) -> DocumentsFound:
    """Read a page of documents. Raises UnknownJob."""
    status, details = job_status(connection, job_id), job_details(connection, job_id)
    if status is None or details is None:
        raise unknown_job(job_id)
    page = search_documents(connection, job_id, wanted, after, PAGE_DOCUMENTS, SEARCH_SECONDS)
    lines = []
    for one in page.documents:
        outcome = one.error_message if one.answer is None else one.answer
        document = shortened(one.content, details.prompt)
        lines.append(FoundLine(one, document, None if outcome is None else beginning(outcome)))
    codes = failure_codes(connection, job_id)
    return DocumentsFound(JobView(status, ()), tuple(lines), page.next_after, page.stopped, tuple(codes))


def documents_address(job_id: int, **wanted: str) -> str:
    """The path and query of the page with these conditions."""
    query = urlencode(wanted)
    return f"/jobs/{job_id}/documents{'?' if query else ''}{query}"


def _address(job_id: str, wanted: DocumentFilter, after: int) -> str:
    given = {name: getattr(wanted, name) for name in (*_TEXTS, "state", "kind")}
    if after >= 0:
        given["after"] = str(after)
    return documents_address(int(job_id), **{name: value for name, value in given.items() if value})
