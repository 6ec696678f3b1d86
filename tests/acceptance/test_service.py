"""`qwenq serve` with a real worker, used by the official client; and a server that is killed."""

import asyncio
import json
import re
from pathlib import Path

import openai
import pytest
from openai.types import Batch
from openai.types.chat import ChatCompletionMessageParam

from qwenq.embedded.service import Service
from qwenq.schemas.settings import Settings
from tests.processes import TINY_MODEL, Fleet
from tests.waiting import eventually

ENDED = {"completed", "failed", "expired", "cancelled"}


def address_of(server: Service) -> str:
    """Where a server listens, by its log."""
    log = Path(server.log)
    found = eventually(
        lambda: log.exists() and re.search(r"listening at (http://\S+)", log.read_text("utf-8")), "it listens"
    )
    assert found
    return found[1]


def client_of(server: Service) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address_of(server)}/v1", api_key="none")


def batch_file(lines: int, model: str) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "What is the total?"}], "max_tokens": 4}
    rows = (
        {"custom_id": f"r{place}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for place in range(lines)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def begin(client: openai.OpenAI, content: bytes) -> Batch:
    file = client.files.wait_for_processing(client.files.create(file=content, purpose="batch").id)
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"by": "test"},
    )


def wait_until_ended(client: openai.OpenAI, batch: Batch) -> Batch:
    def ended() -> Batch | None:
        found = client.batches.retrieve(batch.id)
        return found if found.status in ENDED else None

    found = eventually(ended, "the batch ends")
    assert found
    return found


def check_single_requests(client: openai.OpenAI, model: str) -> None:
    """Ask single questions, whole and streamed."""
    ask = client.chat.completions
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the total?"}]
    whole = ask.create(model=model, messages=asked, max_tokens=4)
    assert whole.usage is not None
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("length", 4)
    chunks = list(
        ask.create(
            model=model, messages=asked, max_tokens=4, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.content == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    with ask.stream(model=model, messages=asked, max_tokens=4) as stream:
        stream.until_done()
        said = stream.current_completion_snapshot.choices[0].message.content
        assert said == whole.choices[0].message.content
    with pytest.raises(openai.BadRequestError) as refused:
        ask.create(model=model, messages=asked, n=2)
    assert (refused.value.param, refused.value.code) == ("n", "unsupported_parameter")
    with pytest.raises(openai.NotFoundError) as unknown:
        ask.create(model="Qwen/None", messages=asked)
    assert unknown.value.code == "model_not_found"


async def check_async_client(base_url: str, model: str) -> None:
    """Ask many questions at once, and upload a file in parts."""
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the total?"}]
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        ask = client.chat.completions
        answers = await asyncio.gather(
            *(ask.create(model=model, messages=asked, max_tokens=place) for place in range(1, 9))
        )
        assert [one.usage and one.usage.completion_tokens for one in answers] == list(range(1, 9))
        streamed = [chunk async for chunk in await ask.create(model=model, messages=asked, stream=True)]
        assert streamed[0].choices[0].finish_reason in {"stop", "length"}
        content = batch_file(20, model)
        upload = await client.uploads.upload_file_chunked(
            file=content, filename="in.jsonl", bytes=len(content), mime_type="text/jsonl", purpose="batch",
            part_size=1_000,
        )  # fmt: skip
        assert upload.file is not None
        assert (await client.files.content(upload.file.id)).content == content
        other = await client.uploads.create(
            bytes=1, filename="in.jsonl", mime_type="text/jsonl", purpose="batch"
        )
        assert (await client.uploads.cancel(other.id)).status == "cancelled"
        assert [one.id async for one in client.models.list()] == [model]


def run_readme() -> None:
    """Run the program of README's "As a service"."""
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    section = text.partition("## As a service")[2].partition("\n## ")[0]
    [program] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    exec(program, {})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_official_client_runs_batches_asks_and_uploads(
    settings: Settings, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(TINY_MODEL)
    fleet.start("worker", "--model", model)
    with client_of(fleet.start("serve", "--port", "0", "--model", model)) as client:
        assert model in [one.id for one in client.models.list()]
        assert client.models.retrieve(model).id == model
        batch = begin(client, batch_file(3, model) + b'{"broken"')
        assert wait_until_ended(client, batch).status == "failed"
        ended = wait_until_ended(client, begin(client, batch_file(3, model)))
        assert (ended.status, ended.metadata, ended.error_file_id) == ("completed", {"by": "test"}, None)
        assert ended.request_counts is not None
        assert (ended.request_counts.completed, ended.request_counts.total) == (3, 3)
        assert ended.output_file_id is not None
        lines = [json.loads(line) for line in client.files.content(ended.output_file_id).text.splitlines()]
        assert [line["custom_id"] for line in lines] == ["r0", "r1", "r2"]
        assert all(line["response"]["body"]["choices"][0]["message"]["content"] for line in lines)
        assert [one.id for one in client.batches.list(limit=1)] == [ended.id, batch.id]
        with pytest.raises(openai.ConflictError):
            client.batches.cancel(ended.id)
        assert client.files.delete(ended.output_file_id).deleted
        check_single_requests(client, model)
        asyncio.run(check_async_client(str(client.base_url), model))
        monkeypatch.setenv("OPENAI_BASE_URL", str(client.base_url))
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        run_readme()
        assert '"custom_id":"a","response":{"status_code":200' in capsys.readouterr().out


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_batch_survives_the_kill_of_the_server_that_validates_it(settings: Settings, fleet: Fleet) -> None:
    fleet.start("worker", "--model", "echo")
    first = fleet.start("serve", "--port", "0", "--model", "echo")
    lines = 5_000
    with client_of(first) as client:
        batch = begin(client, batch_file(lines, "echo"))
    first.kill()
    with client_of(fleet.start("serve", "--port", "0", "--model", "echo")) as client:
        ended = wait_until_ended(client, batch)
        assert ended.status == "completed"
        assert ended.output_file_id is not None
        found = [
            json.loads(line)["custom_id"]
            for line in client.files.content(ended.output_file_id).text.splitlines()
        ]
    assert found == [f"r{place}" for place in range(lines)]
