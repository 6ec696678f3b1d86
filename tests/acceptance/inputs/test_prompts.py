"""From a row to a prompt: the dry run and `qwenq show` say what the model sees."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from qwenq.embedded.session import environment_of
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, Fleet, write_jsonl

BIG = 123456789012345678901234
WORD = """<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>\
<w:drawing/></w:r></w:p></w:body></w:document>"""
TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" \
ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" \
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship \
Id="r1" Target="word/document.xml" \
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"""


def dry_run(folder: Path, *arguments: str | Path, model: str | Path = TINY_MODEL) -> Any:
    seen = qwenq_here("run", *arguments, "--model", model, "--dry-run", "--json", cwd=folder)
    assert seen.returncode == 0, seen.stderr
    return json.loads(seen.stdout)


def prompts(folder: Path, rows: list[dict[str, Any]], template: str, *more: str) -> list[str]:
    write_jsonl(folder / "docs.jsonl", rows)
    found = dry_run(folder, "docs.jsonl", "--prompt", template, *more)["prompts"]
    return [one["failure"]["code"] if one["failure"] else one["messages"][-1]["content"] for one in found]


@pytest.mark.parametrize(
    ("row", "template", "prompt"),
    [
        pytest.param({"order": {"items": ["ink"]}}, "{{ order.items }}", "['ink']", id="T1"),
        pytest.param({"order": {"keys": "K"}}, "{{ order.keys }} {{ row.order.keys }}", "K K", id="T1-keys"),
        pytest.param({"order": {"no": 1}}, "{{ order.items }}", "template_error", id="T1-method"),
        pytest.param({"a": "合同 <b> 'x'"}, "{{ row | tojson }}", '{"a": "合同 <b> \'x\'"}', id="T2"),
        pytest.param({"a": "x", "n": None}, "{{ a }}{{ n }}", "x", id="T3-null"),
        pytest.param({"a b": "x", "3.1": "y"}, "{{ row['a b'] }}{{ row['3.1'] }}", "xy", id="T4"),
        pytest.param(
            {"text": "a", "x": 1},
            "{% for i in range(10**8) %}{% endfor %}{{ text }}",
            "template_error",
            id="T7",
        ),
        pytest.param({"text": ""}, "Sum up <doc>{{ text }}</doc>", "empty_prompt", id="T8-empty"),
        pytest.param({"text": None}, "Sum up <doc>{{ text }}</doc>", "empty_prompt", id="J19"),
        pytest.param(
            {"text": "a", "n": None, "language": None},
            "{{ text }} in {{ language | default('English') }}",
            "a in English",
            id="J19-default",
        ),
        pytest.param(
            {"row": "R", "Our clause": "C"}, "{{ row['Our clause'] }} {{ row.row }}", "C R", id="C36"
        ),
        pytest.param({"text": "a", "account": BIG}, "{{ text }} {{ account }}", f"a {BIG}", id="J9"),
    ],
)
def test_a_row_gives_the_prompt_that_its_template_says(
    folder: Path, row: dict[str, Any], template: str, prompt: str
) -> None:
    assert prompts(folder, [row], template) == [prompt]


def test_a_csv_column_called_row_hides_no_other(folder: Path) -> None:
    (folder / "docs.csv").write_text("id,text,row,Our clause\n1,t,r,c\n")
    found = dry_run(folder, "docs.csv", "--prompt", '{{ row["Our clause"] }} {{ row.row }}')
    assert found["prompts"][0]["messages"] == [{"role": "user", "content": "c r"}]


def test_files_without_text_are_counted_as_empty_prompts(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("")
    (folder / "in" / "b.html").write_text("<html><body><img src='x.png'></body></html>")
    with zipfile.ZipFile(folder / "in" / "c.docx", "w") as word:
        word.writestr("[Content_Types].xml", TYPES)
        word.writestr("_rels/.rels", RELATIONS)
        word.writestr("word/document.xml", WORD)
    (folder / "in" / "d.txt").write_text("A contract.")
    for more in ((), ("--template", "summarize"), ("--prompt", "{{ row | tojson }}")):
        found = dry_run(folder, "in", *more)
        empty = found["failing"] + sum("no text" in row["reason"] for row in found["bad_rows"])
        assert (found["documents"] + found["rejected"], empty) == (4, 3), found


def test_parquet_nulls_are_no_text(folder: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"id": [1, 2], "text": ["A contract.", None]}), folder / "docs.parquet")
    found = dry_run(folder, "docs.parquet", "--template", "summarize")
    assert (found["documents"], found["failing"]) == (2, 1)
    assert [(one["code"], one["documents"]) for one in found["reasons"]] == [("empty_prompt", 1)]


def test_a_dry_run_says_what_the_run_would_refuse(folder: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "a", "text": "x"},
        {"id": "b", "text": ""},
        {"id": "a", "text": "y"},
        {"id": "c", "text": 5},
    ]
    write_jsonl(folder / "docs.jsonl", rows)
    found = dry_run(folder, "docs.jsonl")
    assert (found["documents"], found["rejected"], found["failing"]) == (2, 2, 1)
    assert found["bad_rows"][0]["reason"].startswith("the id 'a' was used before, on line 1")
    assert {one["code"] for one in found["reasons"]} == {"empty_prompt", "invalid_row"}


def test_a_dry_run_counts_the_tokens_of_the_models_own_tokenizer(folder: Path, fleet: Fleet) -> None:
    home = dict(environment_of(fleet.settings))
    texts = ["The contract begins.", "Der Vertrag beginnt <|im_end|>.", "合同 2026 " * 40]
    rows: list[dict[str, object]] = [{"id": f"{n}", "text": text} for n, text in enumerate(texts)]
    write_jsonl(folder / "docs.jsonl", rows)
    job = ("docs.jsonl", "--model", TINY_MODEL, "--prompt", "Sum up: {{ text }}", "--max-new-tokens", "4")
    before = qwenq_here("submit", *job, "--dry-run", cwd=folder, env=home)
    assert "by the model's own tokenizer" in before.stdout
    assert "no job of this model has been measured" in before.stdout
    fleet.start("worker", "--model", str(TINY_MODEL))
    done = qwenq_here("submit", *job, "--wait", "--json", cwd=folder, env=home)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    after = qwenq_here("submit", *job, "--dry-run", "--json", "--gpu-hour-price", "2", cwd=folder, env=home)
    seen = json.loads(after.stdout)
    # A control token that a document spells is asked as its characters, which are more tokens.
    assert seen["about_prompt_tokens"] == pytest.approx(status["usage"]["prompt_tokens"], abs=12)
    assert (seen["tokens_are_exact"], seen["measured_job"]) == (True, status["id"])
    assert seen["device_seconds"] > 0
    assert seen["cost"] == pytest.approx(seen["device_seconds"] / 3600 * 2)
    shown = qwenq_here("show", str(status["id"]), "0", cwd=folder, env=home)
    assert "<|im_start|>user\nSum up: The contract begins.<|im_end|>" in shown.stdout
    assert "── answer" in shown.stdout


def test_a_dry_run_without_the_tokenizer_says_that_it_estimates(folder: Path) -> None:
    write_jsonl(folder / "docs.jsonl", [{"text": "The contract begins."}])
    seen = qwenq_here("run", "docs.jsonl", "--model", "Qwen/no-such-model", "--dry-run", cwd=folder)
    assert "an estimate, since the model's tokenizer is not on this machine" in seen.stdout


def test_a_dry_run_counts_documents_that_are_too_long(folder: Path) -> None:
    write_jsonl(folder / "docs.jsonl", [{"text": "short"}, {"text": "word " * 9_000}])
    found = dry_run(folder, "docs.jsonl", "--on-overflow", "truncate")
    assert (found["documents"], found["too_long"], found["failing"]) == (2, 1, 0)
    assert found["context"] == json.loads((TINY_MODEL / "config.json").read_text())["max_position_embeddings"]
    seen = qwenq_here("run", "docs.jsonl", "--model", TINY_MODEL, "--dry-run", cwd=folder)
    assert "would fail with too_long; --on-overflow truncate or split answers them" in seen.stdout


def test_show_tells_prompt_answer_failures_repeats_and_parts(folder: Path, fleet: Fleet) -> None:
    home = dict(environment_of(fleet.settings))
    fleet.start("worker", "--model", "echo", env={"QWENQ_CONTEXT": "100"})
    long = "\n\n".join(f"Paragraph {number} says a few words." for number in range(40))
    rows: list[dict[str, object]] = [
        {"id": "short", "text": "A few words."},
        {"id": "long", "text": long},
        {"id": "empty", "text": None},
        {"id": "short", "text": "Again."},
        {"id": "wrong", "text": "x", "n": 5},
    ]
    write_jsonl(folder / "docs.jsonl", rows)
    done = qwenq_here(
        "submit", "docs.jsonl", "--model", "echo",
        "--prompt", "Say {{ text }}{% if n is defined %}{{ n.a.b }}{% endif %}",
        "--max-new-tokens", "10", "--on-overflow", "split", "--merge-prompt", "{{ parts | join(' ') }}",
        "--wait", "--json", cwd=folder, env=home,
    )  # fmt: skip
    job = str(json.loads(done.stdout)["id"])

    def show(*arguments: str) -> Any:
        shown = qwenq_here("show", job, *arguments, "--json", cwd=folder, env=home)
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)

    short = show("short")
    assert short["prompt"]["messages"] == [{"role": "user", "content": "Say A few words."}]
    assert (short["prompt"]["text"], short["state"], short["repeats"]) == (None, "succeeded", ["line 4"])
    assert (short["answer"]["finish_reason"], short["attempts"]) == ("stop", 1)
    assert short["answer"]["usage"]["prompt_tokens"] > 0
    parted = show("long")
    assert parted["parts"] == len([one for one in parted["part_answers"] if one["level"] == 0]) > 1
    assert parted["part_prompts"][0]["messages"][0]["content"].startswith("Say Paragraph 0 says")
    assert show("empty")["error"]["code"] == "empty_prompt"
    assert show("empty")["prompt"]["failure"]["code"] == "empty_prompt"
    assert show("wrong")["error"]["code"] == "template_error"
    repeated = show("4")
    assert (repeated["custom_id"], repeated["error"]["code"]) == (None, "invalid_row")
    words = qwenq_here("show", job, "long", cwd=folder, env=home).stdout
    assert "── prompt of part 1" in words
    assert "the model saw it in parts" in words
    missing = qwenq_here("show", job, "shore", cwd=folder, env=home)
    assert (missing.returncode, "no document with the id 'shore'" in missing.stderr) == (2, True)
    assert "short" in missing.stderr
    assert qwenq_here("show", "99", "short", cwd=folder, env=home).returncode == 2


@pytest.mark.parametrize("policy", ["truncate", "split"])
def test_a_text_of_sixteen_mebibytes_is_not_refused_by_its_template(folder: Path, policy: str) -> None:
    write_jsonl(folder / "docs.jsonl", [{"text": ("w" * 99 + " ") * 165_000}])
    found = dry_run(folder, "docs.jsonl", "--template", "summarize", "--on-overflow", policy, model="echo")
    assert (found["documents"], found["failing"]) == (1, 0)
