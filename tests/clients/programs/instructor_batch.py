"""instructor's batch: a response model for each conversation, as a JSON schema of each line."""

import os
import time
from typing import Literal

from instructor.batch import BatchProcessor
from pydantic import BaseModel

ENDED = {"completed", "failed", "expired", "cancelled"}


class Verdict(BaseModel):
    """What each answer must be."""

    paid: Literal["yes", "no"]
    certain: bool


def main() -> None:
    """Run a batch, list it, read the verdicts."""
    processor = BatchProcessor(f"openai/{os.environ['MODEL']}", Verdict)
    asked = [[{"role": "user", "content": f"Was invoice {place} paid?"}] for place in range(3)]
    batch_id = processor.submit_batch(processor.create_batch_from_messages(asked, max_tokens=200))
    while (status := processor.get_batch_status(batch_id))["status"] not in ENDED:
        time.sleep(0.2)
    assert status["status"] == "completed", status
    assert status["request_counts"] == {"total": 3, "completed": 3, "failed": 0}, status
    results = processor.get_results(batch_id)
    assert [result.custom_id for result in results] == ["request-0", "request-1", "request-2"]
    assert all(isinstance(result.result, Verdict) for result in results), results
    print("did: verdicts", [result.result.paid for result in results])
    assert batch_id in {batch.id for batch in processor.list_batches()}
    cancelled = processor.submit_batch(processor.create_batch_from_messages(asked, max_tokens=200))
    processor.cancel_batch(cancelled)
    print("did: list, cancel")


main()
