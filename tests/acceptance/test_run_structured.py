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


def test_every_answer_satisfies_the_schema_in_the_file(folder: Path) -> None:
    write_jsonl(folder / "invoices.jsonl", INVOICES)
    (folder / "invoice.schema.json").write_text(json.dumps(SCHEMA))
    ran = qwenq(
        "run", "invoices.jsonl", "--model", TINY_MODEL, "--json-schema", "invoice.schema.json",
        "--max-new-tokens", "96", "-o", "out.jsonl", cwd=folder,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answers = read_jsonl(folder / "out.jsonl")
    assert len(answers) == len(INVOICES)
    for answer in answers:
        jsonschema.validate(json.loads(str(answer["text"])), SCHEMA)
        assert answer["finish_reason"] == "stop"


def test_an_openai_line_may_have_its_own_schema_and_a_bad_schema_fails_alone(folder: Path) -> None:
    def line(custom_id: str, schema: object) -> dict[str, object]:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        messages = [{"role": "user", "content": INVOICES[0]["text"]}]
        body = {"model": "any", "messages": messages, "max_tokens": 40, "response_format": form}
        return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}

    lines = [line("good", {"enum": ["paid", "open"]}), line("bad", {"enum": []})]
    write_jsonl(folder / "batch.jsonl", lines)
    ran = qwenq("run", "batch.jsonl", "--model", TINY_MODEL, "-o", "out.jsonl", cwd=folder)
    assert ran.returncode == 1, ran.stderr
    (good,) = read_jsonl(folder / "out.jsonl")
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
