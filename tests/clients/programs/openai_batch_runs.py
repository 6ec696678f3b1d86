"""openai-batch: adds requests, submits bytes without a name, waits, downloads."""

import json
import os
from pathlib import Path

from openai_batch import Batch
from openai_batch.providers import Provider

OURS = Provider(
    name="qwenq",
    base_url=os.environ["OPENAI_BASE_URL"],
    api_key=os.environ["OPENAI_API_KEY"],
    requires_consistency=True,
)


def main() -> None:
    """Run a batch of three requests."""
    with Batch(submission_input_file="asked.jsonl", provider=OURS) as gathered:
        for place in range(3):
            message = {"role": "user", "content": f"Was invoice {place} paid?"}
            gathered.add_to_batch(model=os.environ["MODEL"], messages=[message], max_tokens=8)
    with Batch(submission_input_file="asked.jsonl", output_file="answered.jsonl", provider=OURS) as batch:
        ended, output, errors = batch.submit_wait_download(interval=0.2, metadata={"by": "openai-batch"})
    assert (ended.status, errors) == ("completed", None), ended
    lines = [json.loads(line) for line in Path(output).read_text("utf-8").splitlines()]
    assert [line["custom_id"] for line in lines] == ["line-1", "line-2", "line-3"]
    print("did: a batch; bytes without a name; download")
    print("cannot: submit by the object that gathered the requests: it reads its own file after it closed it")
    print("cannot: embeddings, scores, reranking, images: the service answers with text models alone")


main()
