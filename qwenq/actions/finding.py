"""Find documents of a job by what a person knows of them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from qwenq.schemas.errors import InvalidParameter, UnknownJob
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter, FoundPage
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.answers.searching import search_documents
from qwenq.store.views.jobs.details import job_details

_TEXTS = ("id", "text", "answer", "code")


def find_documents(
    settings: Settings, job_id: int, wanted: DocumentFilter, most: int
) -> tuple[FoundPage, PromptSpec]:
    """The first `most` documents that match, in input order, and the job's prompt. Raises UnknownJob, StoreAway."""
    with open_made_store(settings) as store, store.reading() as connection:
        details = job_details(connection, job_id)
        if details is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return search_documents(connection, job_id, wanted, -1, most), details.prompt


def read_conditions(conditions: Iterable[str]) -> DocumentFilter:
    """Read conditions such as `text=refund`, `state=failed` and `cut`. Raises InvalidParameter."""
    wanted = DocumentFilter()
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if name in _TEXTS and value:
            given: dict[str, Any] = {name: value.replace("\0", "")}
            wanted = replace(wanted, **given)
        elif name == "state" and value in list(DocumentState):
            wanted = replace(wanted, state=DocumentState(value))
        elif not equals and name in list(AnswerKind):
            wanted = replace(wanted, kind=AnswerKind(name))
        else:
            raise InvalidParameter(name="--where", reason=_reason(condition))
    return wanted


def _reason(condition: str) -> str:
    return (
        f"{condition!r} is not a condition. Write id=ID, text=PART, answer=PART, code=CODE, "
        f"state=STATE ({', '.join(DocumentState)}), or one of {', '.join(AnswerKind)}"
    )
