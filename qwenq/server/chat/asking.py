"""Ask a question, give it up, and read its answer: each a transaction or two."""

import logging
from contextlib import suppress

from qwenq.exporting.blamed import param_of
from qwenq.exporting.openai_lines import answer_line, error_line
from qwenq.producer.terms.bounded_rows import bounded_rows, params_within
from qwenq.schemas.chunks import Announcement
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.jobs import JobSpec, Priority
from qwenq.schemas.results import Failure
from qwenq.schemas.service.bounds import Bounds
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import JobState
from qwenq.server.chat.question import Question
from qwenq.server.known_models import known_models, no_such_model
from qwenq.server.refusals import Refused
from qwenq.server.service import Service
from qwenq.store.broker.urgent_news import UrgentAnnouncer
from qwenq.store.life.questions import cancel_question, insert_question, note_unannounced, question_state
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.bounds import check_new_documents
from qwenq.store.tenants.tenants import find_tenant
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive

_OPENAI_CODES = {"too_long": "context_length_exceeded"}
"""Codes of failures for which OpenAI has its own."""

_log = logging.getLogger("qwenq.server")


def ask(service: Service, announcer: UrgentAnnouncer, caller: Caller, question: Question) -> int:
    """Store a question as an urgent job, and announce it. Returns the job's id.

    Raises Refused: nobody has its model, no worker is there, or it is too large; BoundReached, and StoreAway.
    """
    model = question.model
    with service.store.reading() as connection:
        if model not in known_models(connection, service.settings):
            raise no_such_model(model)
        if not count_alive(connection, model, ALIVE_SECONDS):
            message = f"No worker of the model '{model[:200]}' is running now."
            raise Refused(503, message, code="model_not_ready", kind="server_error", retry=True)
    bounds = caller.bounds.narrower(caller.tenant_bounds)
    document = _within(bounds, question.document)
    spec = JobSpec(
        model=model,
        name=question.id,
        priority=Priority.HIGH,
        submitter=caller.tenant,
        tenant=caller.tenant,
        owner=caller.owner,
        params=params_within(bounds.max_tokens),
        urgent=True,
    )
    # A power cut may undo it: the connection of the client that waits ends with it.
    with service.store.fleeting() as connection:
        tenant = find_tenant(connection, caller.tenant, lock=True)
        check_new_documents(connection, caller, tenant, 1)
        job_id, chunk_id = insert_question(connection, spec, document)
        sha256 = question.sha256
        note_deed(
            connection, caller.tenant, caller.who, "chat.create", question.id, caller.request_id, sha256
        )
    try:
        announcer.announce(Announcement(chunk_id, model, spec.priority))
    except BrokerAway as away:
        # Busy workers find it in the store; idle ones once the broker is back.
        _log.warning("%s", away)
        with suppress(StoreAway), service.store.writing() as connection:
            note_unannounced(connection, chunk_id)
    return job_id


def _within(bounds: Bounds, document: Document) -> Document:
    """The document. Raises Refused if it is beyond what its tenant or key may ask."""
    [row] = bounded_rows([document], bounds.document_chars, bounds.max_tokens)
    if isinstance(row, BadRow):
        param = param_of(Failure(row.code, row.reason))
        raise Refused(400, row.reason, param=param, code=_OPENAI_CODES.get(row.code, "invalid_value"))
    return row


def give_up(service: Service, caller: Caller, question: Question, job_id: int) -> bool:
    """Cancel a question for which nobody waits any more. False: it had ended. Raises StoreAway."""
    with service.store.writing() as connection:
        is_cancelled = cancel_question(connection, job_id, question.id)
        if is_cancelled:
            note_deed(connection, caller.tenant, caller.who, "chat.cancel", question.id, caller.request_id)
    return is_cancelled


def completion_of(service: Service, question: Question, job_id: int) -> dict[str, object]:
    """The `chat.completion` of a question that has ended. Raises Refused for a failed one, and StoreAway."""
    with service.store.reading() as connection:
        state = question_state(connection, job_id, question.id)
        answer = next(results_of(connection, job_id), None) if state is not None else None
        error = next(errors_of(connection, job_id), None) if state is not None and answer is None else None
    if answer is not None:
        line = answer_line(answer, question.created)
        return {**line["response"]["body"], "id": question.id}
    if error is not None:
        response = error_line(error)["response"]
        told = response["body"]["error"]
        code = _OPENAI_CODES.get(told["code"], told["code"])
        raise Refused(response["status_code"], told["message"], code=code, kind=told["type"])
    how = "cancelled by an operator" if state == JobState.CANCELLED else "removed before it was answered"
    raise Refused(409, f"The request was {how}.", code="request_cancelled", retry=False)
