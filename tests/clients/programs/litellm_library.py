"""litellm as a library, with the provider hosted_vllm: files, batches, chat."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import litellm

MODEL, CONTENT = os.environ["MODEL"], Path(os.environ["BATCH_FILE"]).read_bytes()
ENDED = {"completed", "failed", "expired", "cancelled"}
OURS: dict[str, Any] = {
    "custom_llm_provider": "hosted_vllm",
    "api_base": os.environ["OPENAI_BASE_URL"],
    "api_key": os.environ["OPENAI_API_KEY"],
}


def batch() -> None:
    """Run a batch to its end, and read its answers."""
    file = litellm.create_file(file=("batch.jsonl", CONTENT), purpose="batch", **OURS)
    made = litellm.create_batch(
        completion_window="24h",
        endpoint="/v1/chat/completions",
        input_file_id=file.id,
        metadata={"by": "litellm"},
        **OURS,
    )
    while (found := litellm.retrieve_batch(batch_id=made.id, **OURS)).status not in ENDED:
        time.sleep(0.2)
    assert found.status == "completed", found
    text = litellm.file_content(file_id=found.output_file_id, **OURS).text
    answers = [
        json.loads(line)["response"]["body"]["choices"][0]["message"]["content"] for line in text.splitlines()
    ]
    assert len(answers) == len(CONTENT.splitlines())
    assert made.id in {one.id for one in litellm.list_batches(limit=5, **OURS).data}
    assert file.id in {one.id for one in litellm.file_list(**OURS)}
    assert litellm.file_retrieve(file_id=file.id, **OURS).bytes == len(CONTENT)
    assert litellm.file_delete(file_id=file.id, **OURS).deleted
    print("did: files, batches")


async def cancelled() -> None:
    """Create and cancel, asynchronously."""
    file = await litellm.acreate_file(file=("batch.jsonl", CONTENT), purpose="batch", **OURS)
    made = await litellm.acreate_batch(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id=file.id, **OURS
    )
    gone = await litellm.acancel_batch(batch_id=made.id, **OURS)
    assert gone.status in {"cancelling", "cancelled"}, gone
    print("did: async, cancel")


batch()
asyncio.run(cancelled())
