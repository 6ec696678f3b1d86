"""What the store takes for a document: an answer, or the failure in its place."""

from dataclasses import dataclass, field
from typing import Self

from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.requests import Completion
from qwenq.schemas.results import Failure, FinishReason, Usage


@dataclass(slots=True)
class Outcome:
    """A document's answer; its failure if and only if `failure` is set.

    `fingerprint` names what decided the answer, if later documents may reuse it; `reused_from` is the job
    whose answer was reused. `parts` counts the document's parts. `seconds` passed on the engine's device.
    Nobody changes an outcome. It is not frozen, because every document has one and that would cost ten times as much.
    """

    seq: int
    text: str
    finish_reason: FinishReason
    usage: Usage
    reasoning: str | None = None
    failure: Failure | None = None
    chunk_id: int = 0
    # Measured, not answered: the same answer twice is equal.
    seconds: float = field(default=0.0, compare=False)
    fingerprint: bytes | None = None
    reused_from: int | None = None
    parts: int = 1

    @classmethod
    def of(cls, completion: Completion) -> Self:
        """The outcome of the request's document, or of its part: then `seq` is the part's key."""
        return cls(
            completion.key,
            completion.text,
            completion.finish_reason,
            completion.usage,
            completion.reasoning,
            completion.failure,
            completion.group,
            completion.seconds,
        )

    @classmethod
    def failed(cls, seq: int, error: DocumentFailed, chunk_id: int) -> Self:
        """The outcome of a document that no engine is asked about."""
        failure = Failure(code=error.code, message=str(error))
        return cls(seq, "", FinishReason.ERROR, Usage(), failure=failure, chunk_id=chunk_id)
