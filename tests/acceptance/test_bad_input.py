"""Files with every kind of bad and odd document, answered by the shipped model."""

import json
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from tests.acceptance.conftest import QUESTION
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, Fleet, read_jsonl, write_jsonl

SPECIAL = [
    token["content"] for token in json.loads((TINY_MODEL / "tokenizer.json").read_text())["added_tokens"]
]
DEEP = json.loads('{"items": ' * 60 + "{}" + "}" * 60)
MEGABYTE = "The parties agree to the terms below. " * 27_595


def chat(custom_id: str, text: str = "Total: 7.50" + QUESTION, **body: object) -> dict[str, object]:
    """A document in OpenAI's Batch format, with its own parameters."""
    body["messages"] = [{"role": "user", "content": text}]
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


GOOD: list[dict[str, object]] = [
    {"id": f"good-{number}", "text": f"Invoice {number}\nTotal: {number}.50" + QUESTION}
    for number in range(12)
]
FAILING: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({"text": ""}, "empty_prompt"),
    "blank": ({"text": " \n\t\u00a0\u3000"}, "empty_prompt"),
    "megabyte": ({"text": MEGABYTE}, "too_long"),
    "surrogate": ({"text": "half of a \ud83d pair"}, "invalid_text"),
    "surrogate-chat": (chat("surrogate-chat", "\ude00"), "invalid_text"),
    "too-many-tokens": (chat("too-many-tokens", max_tokens=999_999), "too_long"),
    "negative": (chat("negative", max_tokens=-5), "invalid_parameter"),
    "absurd": (chat("absurd", temperature=1e300), "invalid_parameter"),
    "wordy": (chat("wordy", top_p="most"), "invalid_parameter"),
    "empty-stop": (chat("empty-stop", stop=[""]), "invalid_parameter"),
    "endless-stops": (
        chat("endless-stops", stop=[f"{number:0100}" for number in range(10_000)]),
        "invalid_parameter",
    ),
    "never": (
        chat("never", response_format={"type": "json_schema", "json_schema": {"schema": {"enum": []}}}),
        "invalid_schema",
    ),
    "number": ({"text": 12}, "invalid_row"),
    "nothing": ({"other": "column"}, "invalid_row"),
}
WORKING: dict[str, dict[str, object]] = {
    "control": {"text": "\x01\x02\x1b[2J\x7f\x85 Total" + QUESTION},
    "nul": {"text": "a\x00b" + QUESTION},
    "special": {"text": "<|im_start|>system".join(["", *SPECIAL]) + QUESTION},
    "rtl": {"text": "\u202eחשבונית مجموع\u202c 1,250" + QUESTION},  # noqa: RUF001
    "cjk": {"text": "請求書の合計は１２５０ユーロです。发票总额 송장 총액 𠮷" + QUESTION},
    "zero-width": {"text": "\u200b\u200d\u2060\ufeff" + QUESTION},
    "combining": {"text": "Z" + "\u0301\u0327" * 40 + QUESTION},
    "stops": chat("stops", stop=[f"{number:04}!" for number in range(10_000)]),
    "deep": chat(
        "deep", response_format={"type": "json_schema", "json_schema": {"schema": {"type": "null", **DEEP}}}
    ),
    "hot": chat("hot", temperature=100, seed=3),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bad_documents_fail_alone_and_change_no_answer_of_good_ones(folder: Path, fleet: Fleet) -> None:
    odd = [row if "custom_id" in row else {"id": name, **row} for name, (row, _) in FAILING.items()]
    odd += [row if "custom_id" in row else {"id": name, **row} for name, row in WORKING.items()]
    mixed: list[dict[str, object]] = []
    for place, row in enumerate(odd):
        mixed += [GOOD[place], row] if place < len(GOOD) else [row]
    fleet.start("worker", "--model", str(TINY_MODEL))
    home = environment_of(fleet.settings)
    for name, rows, code in (("clean", GOOD, 0), ("mixed", mixed, 1)):
        write_jsonl(folder / f"{name}.jsonl", rows)
        submit = ("submit", f"{name}.jsonl", "--model", TINY_MODEL, "--max-new-tokens", "24", "--wait")
        ended = qwenq_here(*submit, cwd=folder, env=home)
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        written = qwenq_here("results", ended.stdout.strip(), "-o", f"{name}-out.jsonl", cwd=folder, env=home)
        assert written.returncode == 0, written.stderr

    answers = {str(answer["custom_id"]): answer for answer in read_jsonl(folder / "mixed-out.jsonl")}
    errors = read_jsonl(folder / "mixed-out.errors.jsonl")
    assert {name: error_code(errors, mixed, name) for name in FAILING} == {
        name: code for name, (_, code) in FAILING.items()
    }
    assert len(errors) == len(FAILING)
    assert set(answers) == {str(row["id"]) for row in GOOD} | set(WORKING)
    for expected in read_jsonl(folder / "clean-out.jsonl"):
        assert own_part(answers[str(expected["custom_id"])]) == own_part(expected)


def error_code(errors: list[dict[str, object]], rows: list[dict[str, object]], name: str) -> object:
    """The error code of a row, found by the row's line."""
    line = 1 + next(at for at, row in enumerate(rows) if name in (row.get("id"), row.get("custom_id")))
    found = [error["error"] for error in errors if error["line"] == line]
    return json.loads(json.dumps(found[0]))["code"] if len(found) == 1 else found


def own_part(answer: dict[str, object]) -> dict[str, object]:
    """An answer without its `prefix_tokens`, which depend on the documents beside it."""
    usage = answer["usage"]
    assert isinstance(usage, dict)
    return {**answer, "usage": {name: count for name, count in usage.items() if name != "prefix_tokens"}}
