"""Write outcomes. The caller holds the chunk's fence."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.results import EmptyCause, FinishReason, empty_cause
from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import chunks, documents
from qwenq.store.conditions import has_no_outcome, of_job
from qwenq.store.outcomes.answer_rows import insert_answers
from qwenq.store.outcomes.outcome_rows import ANSWER_COLUMNS, FailureRow, OutcomeRows
from qwenq.store.outcomes.usage import add_usage

_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "prefix_tokens")
_COUNTED = ("succeeded", "failed", "reused", "cut", "empty", "reasoning_cut", "reasoning_ended", *_TOKENS)
_OF_EMPTY = ("text", "reasoning", "finish_reason")
_COUNT = (
    update(chunks)
    .where(chunks.c.id == bindparam("held_chunk"))
    # Progress clears the crashes: only crashes without progress point at a document.
    .values(crashes=0, **{name: chunks.c[name] + bindparam(f"more_{name}") for name in _COUNTED})
)


def insert_outcomes(connection: Connection, claim: Claim, outcomes: OutcomeRows) -> int:
    """Write outcomes, only the first for each document. Returns how many were written. The caller holds the fence.

    Counts follow the rows that changed, so they never drift from the documents.
    """
    answers = insert_answers(connection, claim, outcomes.answers)
    failed = _settle_failed(connection, claim, outcomes.failures)
    if not answers and not failed:
        return 0
    columns = dict(zip(ANSWER_COLUMNS, zip(*answers, strict=True), strict=True)) if answers else {}
    more = {f"more_{name}": sum(columns.get(name, ())) for name in _TOKENS}
    reused = sum(job_id is not None for job_id in columns.get("reused_from", ()))
    empty = Counter(map(empty_cause, *(columns.get(name, ()) for name in _OF_EMPTY)))
    counts = {
        "more_succeeded": len(answers),
        "more_failed": failed,
        "more_reused": reused,
        "more_cut": columns.get("finish_reason", ()).count(FinishReason.LENGTH.value),
        "more_empty": len(answers) - empty[None],
        "more_reasoning_cut": empty[EmptyCause.REASONING_CUT],
        "more_reasoning_ended": empty[EmptyCause.REASONING_ENDED],
    }
    connection.execute(_COUNT, {"held_chunk": claim.chunk_id, **counts, **more})
    used = {name: more[f"more_{name}"] for name in _TOKENS}
    used |= {"answers": len(answers), "failures": failed, "reused": reused}
    add_usage(connection, claim.job_id, claim.worker_id, used)
    return len(answers) + failed


def _settle_failed(connection: Connection, claim: Claim, failures: Sequence[FailureRow]) -> int:
    if not failures:
        return 0
    return connection.execute(
        update(documents)
        .where(of_job(claim.job_id), documents.c.seq == bindparam("failed_seq"), has_no_outcome())
        .values(
            state=StoredDocumentState.FAILED,
            error_code=bindparam("code"),
            error_message=bindparam("message"),
        ),
        [
            {"failed_seq": failure.seq, "code": failure.code, "message": failure.message}
            for failure in failures
        ],
    ).rowcount
