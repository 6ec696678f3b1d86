"""Batches of rows and documents, with qwenq's own fields: read as `qwenq submit` reads them, or refused by name."""

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import select

from qwenq.schemas.tables.core import documents, jobs
from tests.builders import MODEL
from tests.integration.server.conftest import Desk, jsonl
from tests.made_files import pdf_of, xlsx_of

ROWS = [{"id": "a", "name": "Anna"}, {"id": "b", "name": "Bo"}]
GOOD = {"model": MODEL, "prompt": "Greet {{ name }}."}


def parquet_of(rows: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def send(desk: Desk, name: str, content: bytes, purpose: str = "batch") -> str:
    answer = desk.client.post("/v1/files", data={"purpose": purpose}, files={"file": (name, content)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def refusal(desk: Desk, file_id: str, **fields: Any) -> dict[str, Any]:
    body = {
        "input_file_id": file_id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **fields,
    }
    answer = desk.client.post("/v1/batches", json=body)
    assert answer.status_code == 400, answer.text
    return dict(answer.json()["error"])


@pytest.mark.parametrize(
    ("name", "content", "purpose", "notes"),
    [
        ("rows.csv", b"id;name\na;Anna\nb;Bo\n", "batch", "cut by ';'"),
        ("rows.tsv", "id\tname\na\tÄnna\nb\tBo\n".encode("cp1252"), "batch", "read as"),
        ("rows.parquet", parquet_of(ROWS), "batch", None),
        ("rows.xlsx", xlsx_of([list(ROWS[0]), *(list(row.values()) for row in ROWS)]), "user_data", None),
        ("rows.jsonl", jsonl(*ROWS), "batch", None),
    ],
)
def test_rows_of_every_format_are_asked_about_with_the_prompt(
    sqlite_desk: Desk, name: str, content: bytes, purpose: str, notes: str | None
) -> None:
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}
    file_id = send(sqlite_desk, name, content, purpose)
    batch = sqlite_desk.create(file_id, **GOOD, schema=schema, max_tokens=9, temperature=0.5)
    sqlite_desk.caretaker.look()
    begun = sqlite_desk.batch(batch["id"])
    assert (begun["status"], begun["model"], begun["errors"]) == ("in_progress", MODEL, None)
    assert begun["request_counts"]["total"] == 2
    assert (begun["notes"] is None) if notes is None else (notes in begun["notes"][0])
    with sqlite_desk.store.reading() as connection:
        job = connection.execute(select(jobs)).one()
        rows = connection.execute(select(documents.c.content)).scalars().all()
    assert job.prompt["template"] == "Greet {{ name }}."
    assert (job.params["max_new_tokens"], job.params["temperature"]) == (9, 0.5)
    assert list(json.loads(job.params["response_format"]["json_schema"])["properties"]) == ["z", "a"]
    assert [json.loads(row)["name"][-2:] for row in rows] == ["na", "Bo"]
    sqlite_desk.answer(1)
    sqlite_desk.caretaker.look()
    answers = sqlite_desk.lines_of(sqlite_desk.batch(batch["id"])["output_file_id"])
    assert [one["custom_id"] for one in answers] == ["a", "b"]
    assert {one["response"]["body"]["object"] for one in answers} == {"chat.completion"}
    assert not any((sqlite_desk.settings.home / "reading").iterdir()), "no copy stays"


def test_a_pdf_is_one_document_by_its_own_name(sqlite_desk: Desk) -> None:
    batch = sqlite_desk.create(
        send(sqlite_desk, "bill [1].pdf", pdf_of("Total 5")), model=MODEL, template="summarize"
    )
    sqlite_desk.caretaker.look()
    sqlite_desk.answer(1)
    sqlite_desk.caretaker.look()
    [answer] = sqlite_desk.lines_of(sqlite_desk.batch(batch["id"])["output_file_id"])
    assert answer["custom_id"] == "bill _1_.pdf"


@pytest.mark.parametrize(
    ("name", "content", "fields", "code", "line", "param"),
    [
        ("a.csv", b"id,name\na,Anna\n", {"prompt": "{{ nobody }}"}, "unknown_column", None, "prompt"),
        ("a.csv", b"", {}, "unreadable_file", None, None),
        ("a.parquet", b"PAR1 and no more", {}, "unreadable_file", None, None),
        ("a.xlsx", b"PK no archive", {}, "unreadable_file", None, None),
        ("a.pdf", b"%PDF-1.7 broken", {"prompt": "{{ text }}"}, "unreadable_file", 1, None),
        ("a.csv", b"id,name\na,Anna\n", {"model": "other/model"}, "model_not_found", None, "model"),
        ("a.csv", b"name\na\nb\nc\n", {}, "too_many_tasks", None, None),
    ],
)
def test_what_cannot_be_read_fails_the_batch_with_its_reason(
    sqlite_desk: Desk,
    name: str,
    content: bytes,
    fields: dict[str, Any],
    code: str,
    line: int | None,
    param: str | None,
) -> None:
    with sqlite_desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE tenants SET bounds = '{\"batch_lines\": 2}'")
    batch = sqlite_desk.create(send(sqlite_desk, name, content), **{**GOOD, **fields})
    sqlite_desk.caretaker.look()
    failed = sqlite_desk.batch(batch["id"])
    assert failed["status"] == "failed"
    [fault] = failed["errors"]["data"]
    assert (fault["code"], fault["line"], fault["param"]) == (code, line, param), fault
    assert str(sqlite_desk.settings.home) not in fault["message"]
    assert "--" not in fault["message"]


def test_rows_are_read_where_the_home_cannot_be_written_to(sqlite_desk: Desk) -> None:
    (sqlite_desk.settings.home / "reading").write_bytes(b"no folder")
    batch = sqlite_desk.create(send(sqlite_desk, "a.csv", b"name\nAnna\n"), **GOOD)
    sqlite_desk.caretaker.look()
    assert sqlite_desk.batch(batch["id"])["status"] == "in_progress"


def test_a_bad_row_fails_alone_with_its_line(sqlite_desk: Desk) -> None:
    content = b"id,name\na,Anna\nb,Bo,too much\nc,Cy\n"
    batch = sqlite_desk.create(send(sqlite_desk, "a.csv", content), **GOOD)
    sqlite_desk.caretaker.look()
    sqlite_desk.answer(1)
    sqlite_desk.caretaker.look()
    ended = sqlite_desk.batch(batch["id"])
    assert ended["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    [error] = sqlite_desk.lines_of(ended["error_file_id"])
    assert error["response"]["status_code"] == 400
    assert "3" in error["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": None}, "missing_required_parameter", "model"),
        ({"promt": "x"}, "unknown_parameter", "promt"),
        ({"prompt": 5}, "invalid_type", "prompt"),
        ({"prompt": "{{ name"}, "invalid_value", "prompt"),
        ({"prompt": "no column"}, "invalid_value", "prompt"),
        ({"prompt": None, "template": "nobody"}, "invalid_value", "template"),
        ({"template": "summarize"}, "invalid_value", "template"),
        ({"schema": "x"}, "invalid_type", "schema"),
        ({"schema": {"type": "nonsense"}}, "invalid_value", "schema"),
        ({"temperature": 200}, "invalid_value", "temperature"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"values": ["x"]}, "invalid_type", "values"),
        ({"values": {"other": "x"}}, "invalid_value", "values"),
        ({"format": "doc"}, "invalid_value", "format"),
        ({"skip_rows": -1}, "integer_below_min_value", "skip_rows"),
        ({"header": "no"}, "invalid_type", "header"),
        ({"encoding": "nonsense"}, "invalid_value", "encoding"),
        ({"endpoint": "/v1/completions"}, "invalid_value", "endpoint"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_by_name(
    sqlite_desk: Desk, fields: dict[str, Any], code: str, param: str
) -> None:
    error = refusal(sqlite_desk, send(sqlite_desk, "a.csv", b"name\nx\n"), **{**GOOD, **fields})
    assert (error["code"], error["param"]) == (code, param), error


def test_lines_of_openai_need_none_of_these_fields(sqlite_desk: Desk) -> None:
    file_id = send(sqlite_desk, "a.jsonl", b"{}")
    assert sqlite_desk.create(file_id, model="x", promt="ignored")["status"] == "validating"
    for name, purpose in (("a.jsonl", "user_data"), ("a.pdf", "user_data"), ("a.csv", "assistants")):
        assert refusal(sqlite_desk, send(sqlite_desk, name, b"{}", purpose))["param"] == "input_file_id"
    refused = sqlite_desk.client.post(
        "/v1/files", data={"purpose": "batch"}, files={"file": ("notes.txt", b"x")}
    )
    assert refused.json()["error"]["message"] == "Invalid file format for Batch API. Must be .jsonl"
