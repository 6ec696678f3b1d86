"""Texts that no store keeps are refused before they reach it, by name, on both databases."""

import os
from pathlib import Path
from typing import Any

import pytest

import qwenq
from qwenq.actions.text_fields import LONGEST_NAME, LONGEST_TEXT
from qwenq.schemas.errors import InvalidParameter, UnknownSchedule, UnstorableText, UsageError
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.commands import qwenq_here
from tests.processes import write_jsonl

ODD = ["a\0b", "\0", "a\udce9", "\ud800", "\udfff\ud800"]
FIELDS = ("name", "model", "system", "prompt", "template", "text_column", "id_column", "sheet")


@pytest.fixture
def docs(tmp_path: Path, store: Store) -> str:
    """A file of one document, and a store."""
    return str(write_jsonl(tmp_path / "docs.jsonl", [{"id": "1", "text": "one"}]))


@pytest.mark.parametrize("odd", ODD, ids=ascii)
@pytest.mark.parametrize("field", [*FIELDS, "idempotency_key", "stop", "merge_prompt"])
def test_a_request_with_odd_text_is_refused(docs: str, settings: Settings, field: str, odd: str) -> None:
    given: dict[str, Any] = {"model": "echo", field: [odd] if field == "stop" else odd}
    with pytest.raises(InvalidParameter) as caught:
        qwenq.submit([docs], settings=settings, **given)
    assert field.replace("_", "-").removesuffix("-prompt") in caught.value.name


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_an_odd_submitter_is_refused(docs: str, settings: Settings, odd: str) -> None:
    with pytest.raises(InvalidParameter, match="QWENQ_SUBMITTER"):
        qwenq.submit([docs], model="echo", settings=settings.model_copy(update={"submitter": odd}))


@pytest.mark.parametrize("field", FIELDS)
def test_a_text_that_is_too_long_is_refused(docs: str, settings: Settings, field: str) -> None:
    longest = LONGEST_TEXT if field in {"system", "prompt"} else LONGEST_NAME
    given: dict[str, Any] = {"model": "echo", field: "x" * (longest + 1)}
    with pytest.raises(InvalidParameter, match=f"at most {longest:,} are allowed"):
        qwenq.submit([docs], settings=settings, **given)


@pytest.mark.parametrize("odd", [5, b"bytes", ["list"]], ids=ascii)
def test_a_name_that_is_no_text_is_refused(docs: str, settings: Settings, odd: Any) -> None:
    with pytest.raises(InvalidParameter, match="it must be text"):
        qwenq.submit([docs], model="echo", name=odd, settings=settings)


@pytest.mark.parametrize("odd", ["a\0b", "a\udce9"], ids=ascii)
def test_a_retry_with_an_odd_code_is_refused(docs: str, settings: Settings, odd: str) -> None:
    job = qwenq.submit([docs], model="echo", settings=settings)
    qwenq.cancel(job.id, settings=settings)
    with pytest.raises(UsageError):
        qwenq.retry(job.id, codes=[odd], settings=settings)


@pytest.mark.parametrize("odd", ["a\0b", "a\udce9"], ids=ascii)
def test_an_odd_schedule_is_not_found(store: Store, settings: Settings, odd: str) -> None:
    from qwenq.schedules import commands

    with pytest.raises((UnknownSchedule, UnstorableText)):
        commands.show(odd, settings)


def test_a_file_whose_name_is_not_utf8_is_read(tmp_path: Path, store: Store, settings: Settings) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    with open(path, "w") as file:  # noqa: PTH123 - the name is bytes
        file.write('{"text": "one"}\n')
    job = qwenq.submit([os.fsdecode(path)], model="echo", settings=settings)
    assert job.name == "caf\\udce9.jsonl"
    assert job.documents.total == 1


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "docs.jsonl", "--model", "echo", "--name", "a\udce9"),
        ("submit", "docs.jsonl", "--model", "a\udce9"),
        ("submit", "no\udce9.jsonl", "--model", "echo"),
        ("schedule", "show", "a\udce9"),
        ("schedule", "add", "a\udce9", "--cron", "0 2 * * *", "--input", "docs.jsonl", "-o", "x.jsonl"),
        ("schedule", "add", "a", "--cron", "0 2 * * *", "--input", "d\udce9", "-o", "x.jsonl"),
        ("results", "1", "-o", "a\udce9.txt"),
        ("status", "\udce9"),
        ("templates", "show", "\udce9"),
        ("\udce9",),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bytes_on_the_command_line_that_are_no_text_are_bad_usage(
    docs: str, settings: Settings, words: tuple[str, ...]
) -> None:
    done = qwenq_here(*words, cwd=Path(docs).parent)
    assert done.returncode == 2, done.stderr
    assert "internal error" not in done.stderr
