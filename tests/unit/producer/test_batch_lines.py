"""Lines of a batch: what fails the whole batch, with OpenAI's code, line and parameter, and what fails alone."""

import json
from typing import Any

import pytest

from qwenq.producer import batch_lines
from qwenq.producer.batch_lines import batch_rows, check_lines
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.service.endpoints import Endpoint

CHAT = Endpoint.CHAT
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
GOOD = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}


def line(**change: Any) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | change).items() if value is not ...}).encode()


def faults(content: bytes, most: int = 10) -> list[tuple[str, int | None, str | None]]:
    return [(one.code, one.line, one.param) for one in check_lines([content], CHAT, most).faults]


@pytest.mark.parametrize(
    ("second", "code", "param"),
    [
        (b"{", "invalid_json_line", None),
        (b"[1]", "invalid_json_line", None),
        (b'"text"', "invalid_json_line", None),
        (b'{"custom_id": NaN}', "invalid_json_line", None),
        (b'{"custom_id": "\\ud800"}', "invalid_json_line", None),
        (line(custom_id=...), "missing_required_parameter", "custom_id"),
        (line(method=None), "missing_required_parameter", "method"),
        (line(url=...), "missing_required_parameter", "url"),
        (line(body=...), "missing_required_parameter", "body"),
        (line(custom_id=7), "invalid_type", "custom_id"),
        (line(custom_id=""), "invalid_type", "custom_id"),
        (line(custom_id="a\0"), "invalid_value", "custom_id"),
        (line(custom_id="x" * 513), "invalid_value", "custom_id"),
        (line(), "duplicate_custom_id", "custom_id"),
        (line(custom_id="b", method="GET"), "invalid_value", "method"),
        (line(custom_id="b", url="/v1/embeddings"), "invalid_url", "url"),
        (line(custom_id="b", body="text"), "invalid_type", "body"),
        (line(custom_id="b", body=BODY | {"model": None}), "invalid_request", "body.model"),
        (line(custom_id="b", body={"model": "m"}), "invalid_request", "body.messages"),
        (line(custom_id="b", body=BODY | {"model": "n"}), "model_mismatch", "body.model"),
        (line(custom_id="b", body=BODY | {"stream": True}), "streaming_unsupported", "body.stream"),
    ],
)
def test_a_fault_in_a_line_is_named(second: bytes, code: str, param: str | None) -> None:
    assert faults(line() + b"\n\n" + second + b"\n") == [(code, 3, param)]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b" \n\r\n", "empty_file"), (b"\xef\xbb\xbf", "empty_file")]
)
def test_a_file_without_lines_is_empty(content: bytes, code: str) -> None:
    assert faults(content) == [(code, None, None)]


def test_utf16_is_told() -> None:
    [fault] = check_lines([line().decode().encode("utf-16")], CHAT, 10).faults
    assert "UTF-16" in fault.message


def test_a_batch_has_a_most_number_of_lines() -> None:
    two = line() + b"\n" + line(custom_id="b")
    assert faults(two, most=2) == []
    assert faults(two, most=1) == [("too_many_tasks", None, None)]


def test_a_file_that_is_wrong_everywhere_names_the_first_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "MOST_FAULTS", 3)
    assert [number for _, number, _ in faults(b"{\n" * 9)] == [1, 2, 3]


def test_lines_are_cut_from_blocks_and_keep_their_numbers() -> None:
    content = b"\xef\xbb\xbf" + line() + b"\r\n\n" + line(custom_id="b", body=BODY | {"n": 2})
    blocks = [content[place : place + 7] for place in range(0, len(content), 7)]
    checked = check_lines(blocks, CHAT, 10)
    assert (checked.faults, checked.total, checked.model) == ([], 2, "m")
    good, bad = batch_rows(blocks)
    assert isinstance(good, Document)
    assert (good.custom_id, good.line, json.loads(good.content)) == ("a", 1, GOOD)
    assert isinstance(bad, BadRow)
    assert (bad.custom_id, bad.line) == ("b", 3)
    assert "body.n" in bad.reason
