"""Assignments: what a claim has to answer."""

from sqlalchemy import (
    Connection,
    bindparam,
    select,
)

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.tables.core import documents, jobs
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.store.conditions import is_unfinished

_UNFINISHED = (
    select(documents.c.seq, documents.c.content, documents.c.custom_id)
    .where(is_unfinished(bindparam("of_job"), bindparam("first"), bindparam("last")))
    .order_by(documents.c.seq)
)


def unfinished_documents(connection: Connection, claim: Claim) -> list[tuple[int, str, str]]:
    """The documents of a claim without an outcome, in input order: their seqs, contents and ids."""
    of_claim = {"of_job": claim.job_id, "first": claim.first_seq, "last": claim.last_seq}
    return [(seq, content, own_id) for seq, content, own_id in connection.execute(_UNFINISHED, of_claim)]


_ASKED_OF_JOB = select(
    jobs.c.prompt,
    jobs.c.params,
    jobs.c.reuse,
    jobs.c.revision,
    jobs.c.weights_digest,
    jobs.c.mixed_weights,
    jobs.c.urgent,
).where(jobs.c.id == bindparam("of_job"))


def assignment_of(connection: Connection, claim: Claim) -> Assignment:
    """The assignment of a claim: prompt, parameters, documents without an outcome."""
    asked = connection.execute(_ASKED_OF_JOB, {"of_job": claim.job_id}).one()
    prompt, params, reuse, revision, digest, mixed_weights, urgent = asked
    unfinished = unfinished_documents(connection, claim)
    return Assignment(
        claim=claim,
        prompt=PromptSpec.model_validate(prompt),
        params=GenerationParams.model_validate(params),
        documents=[(seq, content) for seq, content, _ in unfinished],
        reuse=reuse,
        ids={seq: own_id for seq, _, own_id in unfinished},
        weights=UNKNOWN_WEIGHTS if mixed_weights else LoadedWeights(revision, digest),
        urgent=urgent,
    )
