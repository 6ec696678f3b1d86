"""From a finished sequence to the completion that the worker gets."""

from qwenq.schemas.requests import Completion
from qwenq.schemas.results import FinishReason, Usage
from qwenq.worker.engines.failures import failed_completion
from qwenq.worker.engines.transformers.request_state import Sequence


def completion_of(sequence: Sequence, ended_at: float) -> Completion:
    """Give the answer, its reasoning, its usage, and its seconds up to `ended_at` of the monotonic clock.

    `completion_tokens` counts every generated token: reasoning, its tags, and the end token. A reasoning
    that was cut off at the limit is reasoning still: the text is then empty.
    """
    if sequence.failure is not None:
        return failed_completion(sequence.key, sequence.failure, len(sequence.prompt), group=sequence.group)
    return Completion(
        key=sequence.key,
        text=sequence.answer,
        finish_reason=sequence.finish or FinishReason.LENGTH,
        usage=Usage(
            prompt_tokens=len(sequence.prompt),
            completion_tokens=len(sequence.generated),
            reasoning_tokens=sequence.reasoning_tokens,
            prefix_tokens=sequence.prefix_tokens,
        ),
        reasoning=sequence.reasoning,
        group=sequence.group,
        seconds=ended_at - sequence.admitted_at,
    )
