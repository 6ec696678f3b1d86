"""any-llm-sdk, with the provider openai: create, retrieve, list, cancel, results."""

import os
import time
from typing import Any

from any_llm.api import cancel_batch, create_batch, list_batches, retrieve_batch, retrieve_batch_results
from any_llm.exceptions import BatchNotCompleteError

CHAT = "/v1/chat/completions"
OURS: dict[str, Any] = {
    "provider": "openai",
    "api_key": os.environ["OPENAI_API_KEY"],
    "api_base": os.environ["OPENAI_BASE_URL"],
}


def main() -> None:
    """Run a batch, and cancel another."""
    path = os.environ["BATCH_FILE"]
    made = create_batch(input_file_path=path, endpoint=CHAT, metadata={"description": "any-llm"}, **OURS)
    results: Any = None
    while results is None:
        time.sleep(0.2)
        try:
            results = retrieve_batch_results(batch_id=made.id, **OURS)
        except BatchNotCompleteError:
            assert retrieve_batch(batch_id=made.id, **OURS).status != "failed"
    assert len(results.results) == int(os.environ["LINES"])
    assert all(one.result is not None and one.error is None for one in results.results), results
    print("did: results", [one.custom_id for one in results.results])
    cancelled = create_batch(input_file_path=path, endpoint=CHAT, **OURS)
    assert cancel_batch(batch_id=cancelled.id, **OURS).status in {"cancelling", "cancelled"}
    assert len(list_batches(limit=2, **OURS)) == 2
    print("did: list, cancel")


main()
