"""OpenAI's own client, sync and async: files, uploads, batches, models, chat, errors, webhooks."""

import asyncio
import json
import os
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import openai
from openai.types.chat import ChatCompletionUserMessageParam

MODEL, CONTENT = os.environ["MODEL"], Path(os.environ["BATCH_FILE"]).read_bytes()
CHAT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
ENDED = {"completed", "failed", "expired", "cancelled"}


def files(client: openai.OpenAI) -> None:
    """Upload with and without a name, list, page, read, delete."""
    named = client.files.create(
        file=("named.jsonl", CONTENT),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    assert named.expires_at == named.created_at + 3_600, named
    unnamed = client.files.create(file=CONTENT, purpose="batch")
    assert client.files.wait_for_processing(unnamed.id).status == "processed"
    assert client.files.retrieve(named.id).filename == "named.jsonl"
    assert [file.id for file in client.files.list(limit=1, purpose="batch")][:2] == [unnamed.id, named.id]
    assert client.files.content(unnamed.id).read() == CONTENT
    for file in (named, unnamed):
        assert client.files.delete(file.id).deleted
    try:
        client.files.retrieve(named.id)
    except openai.NotFoundError as error:
        assert error.type == "invalid_request_error", error
    else:
        raise AssertionError


def uploads(client: openai.OpenAI) -> None:
    """A file in parts, by the client's own helper, and one that is cancelled."""
    upload = client.uploads.upload_file_chunked(
        file=Path(os.environ["BATCH_FILE"]), mime_type="application/jsonl", purpose="batch", part_size=300
    )
    assert (upload.status, upload.bytes) == ("completed", len(CONTENT)), upload
    assert upload.file is not None
    assert client.files.content(upload.file.id).read() == CONTENT
    begun = client.uploads.create(
        bytes=len(CONTENT), filename="b.jsonl", mime_type="application/jsonl", purpose="batch"
    )
    assert client.uploads.cancel(begun.id).status == "cancelled"


def batches(client: openai.OpenAI) -> None:
    """A batch to its end, one that is cancelled, one that fails."""
    file = client.files.create(file=CONTENT, purpose="batch")
    made = client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"by": "openai"}
    )
    assert made.request_counts is not None
    while (batch := client.batches.retrieve(made.id)).status not in ENDED:
        time.sleep(0.2)
    assert batch.status == "completed", batch
    assert batch.output_file_id is not None
    assert batch.usage is not None
    assert batch.usage.total_tokens > 0
    lines = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert len(lines) == len(CONTENT.splitlines())
    assert all(line["response"]["body"]["choices"][0]["message"]["content"] for line in lines)
    cancelled = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    assert client.batches.cancel(cancelled.id).status in {"cancelling", "cancelled"}
    assert {one.id for one in client.batches.list(limit=1)} >= {made.id, cancelled.id}
    try:
        client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    except openai.BadRequestError as error:
        assert (error.param, error.code) == ("endpoint", "invalid_value")
    else:
        raise AssertionError


def models(client: openai.OpenAI) -> None:
    """List and retrieve."""
    assert MODEL in {model.id for model in client.models.list()}
    assert client.models.retrieve(MODEL).id == MODEL


def chat(client: openai.OpenAI) -> None:
    """A question, at once and streamed."""
    message: ChatCompletionUserMessageParam = {"role": "user", "content": "Was it paid?"}
    answer = client.chat.completions.create(model=MODEL, messages=[message], max_tokens=8)
    assert answer.choices[0].message.content, answer
    with client.chat.completions.create(model=MODEL, messages=[message], max_tokens=8, stream=True) as chunks:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == answer.choices[0].message.content, text


def webhooks(client: openai.OpenAI) -> None:
    """The events of batches until that of a batch of ours."""
    received: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        """Keeps what is posted."""

        def do_POST(self) -> None:
            """Keep it."""
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((body, dict(self.headers.items())))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", int(os.environ["HOOK_PORT"])), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = client.batches.create(input_file_id="file-x", endpoint=CHAT, completion_window="24h")
        seen: dict[str, str] = {}
        while made.id not in seen:
            event = client.webhooks.unwrap(*received.get(timeout=120))
            seen[getattr(event.data, "id", "")] = event.type
        server.shutdown()
    assert seen[made.id] == "batch.failed", seen


async def everything(client: openai.AsyncOpenAI) -> None:
    """The same, asynchronously."""
    file = await client.files.create(file=("a.jsonl", CONTENT), purpose="batch")
    made = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    while (batch := await client.batches.retrieve(made.id)).status not in ENDED:
        await asyncio.sleep(0.2)
    assert batch.output_file_id is not None, batch
    assert len((await client.files.content(batch.output_file_id)).text.splitlines()) == len(
        CONTENT.splitlines()
    )
    assert [model.id async for model in client.models.list()]
    assert [one.id async for one in client.batches.list(limit=1)]
    assert (await client.files.delete(file.id)).deleted


def main() -> None:
    """Do all of it."""
    client = openai.OpenAI()
    for part in (files, uploads, batches, models, chat, webhooks):
        part(client)
        print("did:", part.__name__)
    asyncio.run(everything(openai.AsyncOpenAI()))
    print("did: async")


main()
