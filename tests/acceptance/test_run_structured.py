"""`qwenq run` with answers that must be JSON."""

import json
from pathlib import Path

import jsonschema

from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, qwenq, read_jsonl, write_jsonl

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{4}$"},
        "total": {"type": "integer", "minimum": 0, "maximum": 99_999},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
    },
    "required": ["number", "total", "currency"],
    "additionalProperties": False,
}
INVOICES = [json.loads(line) for line in (TINY_MODEL.parent / "invoices.jsonl").read_text().splitlines()[:4]]


def test_answers_satisfy_the_schema_in_the_file_or_that_of_their_openai_line(folder: Path) -> None:
    def line(custom_id: str, schema: object) -> dict[str, object]:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        messages = [{"role": "user", "content": INVOICES[0]["text"]}]
        body = {"model": "any", "messages": messages, "max_tokens": 40, "response_format": form}
        return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}

    write_jsonl(folder / "invoices.jsonl", INVOICES)
    write_jsonl(folder / "batch.jsonl", [line("good", {"enum": ["paid", "open"]}), line("bad", {"enum": []})])
    (folder / "invoice.schema.json").write_text(json.dumps(SCHEMA))
    ran = qwenq(
        "run", "invoices.jsonl", "batch.jsonl", "--model", TINY_MODEL, "--json-schema", "invoice.schema.json",
        "--max-new-tokens", "96", "-o", "out.jsonl", cwd=folder,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    *answers, good = read_jsonl(folder / "out.jsonl")
    assert len(answers) == len(INVOICES)
    for answer in answers:
        jsonschema.validate(json.loads(str(answer["text"])), SCHEMA)
        assert answer["finish_reason"] == "stop"
    assert json.loads(str(good["text"])) in {"paid", "open"}
    (bad,) = read_jsonl(folder / "out.errors.jsonl")
    assert bad["custom_id"] == "bad"
    assert bad["error"]["code"] == "invalid_schema"  # type: ignore[index]


def test_run_refuses_a_file_without_a_json_schema_before_anything_starts(
    folder: Path, documents: Path
) -> None:
    def refusal(text: str, *more: str) -> str:
        (folder / "bad.json").write_text(text)
        form = ("--json-schema", "bad.json", *more)
        ran = qwenq_here("run", documents, "--model", "echo", *form, "-o", "o.jsonl", cwd=folder)
        assert ran.returncode == 2, ran.stderr
        assert "bad.json" in ran.stderr or more
        return ran.stderr

    assert "line 2 column 1" in refusal('{"type":\n}')
    assert "at #/properties/total" in refusal('{"properties": {"total": {"type": "money"}}}')
    assert "not both" in refusal("{}", "--response-format", "json_object")
    assert "a stop string would cut it" in refusal("{}", "--stop", "}")
