"""What comes out: columns of the input, Excel, byte order marks, what is said at the end, outputs among inputs."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.documents import Row
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.builders import answer, chunks_of, claim_one, failure, finish, make_worker, row, rows, store_job
from tests.commands import qwenq_here
from tests.processes import qwenq, read_jsonl, write_jsonl

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
BIG = 123_456_789_012_345_678_901_234
ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "=1+1", "language": "de", "size": 3, "Error": "x", "tags": ["ä", 1], "n": 1},
    {"id": "b", "text": "two", "language": None, "size": 0.5, "big": BIG, "paid": True, "n": 2},
    {"id": "c", "text": "three", "language": "pl", "n": "many"},
]


def job_of(store: Store, contents: list[dict[str, Any]], outcomes: list[Outcome]) -> int:
    documents: list[Row] = [
        row(place, one["id"], json.dumps(one, ensure_ascii=False)) for place, one in enumerate(contents)
    ]
    job_id = store_job(store, documents, chunk_documents=len(documents))
    finish(store, claim_one(store, chunks_of(store, job_id)[0], make_worker(store)), outcomes)
    return job_id


@pytest.fixture
def job(store: Store) -> int:
    """A job of three rows: two answers, one failure."""
    return job_of(store, ROWS, [answer(0), answer(1), failure(2)])


@pytest.fixture
def home(settings: Settings) -> Mapping[str, str]:
    return environment_of(settings)


def results(folder: Path, home: Mapping[str, str], job: int, *options: str) -> str:
    done = qwenq_here("results", str(job), *options, cwd=folder, env=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


@both
def test_all_columns_go_along_in_jsonl_with_exact_values(
    folder: Path, home: Mapping[str, str], job: int
) -> None:
    results(folder, home, job, "--keep-columns", "all", "-o", "a.jsonl")
    first, second = read_jsonl(folder / "a.jsonl")
    assert list(first)[:8] == ["custom_id", "id", "input.text", "language", "size", "Error", "tags", "n"]
    assert (first["text"], first["input.text"], first["tags"]) == ("answer 0", "=1+1", ["ä", 1])
    assert (second["big"], second["paid"], second["language"]) == (BIG, True, None)
    [failed] = read_jsonl(folder / "a.errors.jsonl")
    assert (failed["custom_id"], failed["language"], failed["n"]) == ("c", "pl", "many")
    assert (failed["text"], failed["line"]) == ("three", 3)


@sqlite
def test_a_column_with_the_name_of_a_member_of_the_errors_gets_a_prefix(
    folder: Path, home: Mapping[str, str], store: Store
) -> None:
    job = job_of(store, [ROWS[0]], [failure(0)])
    results(folder, home, job, "--keep-columns", "all", "-o", "a.jsonl")
    [failed] = read_jsonl(folder / "a.errors.jsonl")
    assert (failed["input.Error"], failed["error"]["code"]) == ("x", "too_long")  # type: ignore[index]


@sqlite
def test_named_columns_go_along_to_standard_output_and_are_null_where_missing(
    folder: Path, home: Mapping[str, str], job: int
) -> None:
    printed = results(folder, home, job, "--keep-columns", "paid, language")
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [(line["paid"], line["language"]) for line in lines] == [(None, "de"), (True, None)]
    assert list(lines[0])[:3] == ["custom_id", "paid", "language"]


@sqlite
def test_columns_stand_after_the_id_in_csv(folder: Path, home: Mapping[str, str], job: int) -> None:
    results(folder, home, job, "--keep-columns", "all", "-o", "a.csv", "--errors", "e.csv", "--csv-safe")
    with (folder / "a.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert list(first)[:5] == ["custom_id", "id", "input.text", "language", "size"]
    assert (first["input.text"], first["tags"], first["text"]) == ("'=1+1", '["ä", 1]', "answer 0")
    assert (second["big"], second["paid"], second["n"]) == (str(BIG), "true", "2")
    with (folder / "e.csv").open(encoding="utf-8", newline="") as file:
        [failed] = csv.DictReader(file)
    assert (failed["language"], failed["n"], failed["code"]) == ("pl", "many", "too_long")


@sqlite
def test_columns_keep_their_types_in_parquet(folder: Path, home: Mapping[str, str], job: int) -> None:
    results(folder, home, job, "--keep-columns", "language,size,paid,n,big,tags", "-o", "a.parquet")
    table = pq.read_table(folder / "a.parquet")
    types = {name: str(table.schema.field(name).type) for name in table.column_names[1:7]}
    assert types == {
        "language": "string", "size": "double", "paid": "bool", "n": "string", "big": "string", "tags": "string",
    }  # fmt: skip
    assert table.column("size").to_pylist() == [3.0, 0.5]
    assert table.column("n").to_pylist() == ["1", "2"]
    assert table.column("big").to_pylist() == [None, str(BIG)]


@sqlite
def test_a_column_that_no_document_has_is_refused_with_the_columns(
    folder: Path, home: Mapping[str, str], job: int
) -> None:
    done = qwenq_here("results", str(job), "--keep-columns", "langage", "-o", "a.csv", cwd=folder, env=home)
    assert done.returncode == 2
    assert "no document has a column 'langage'; the columns are: id, text, language, size" in done.stderr
    assert not (folder / "a.csv").exists()


@sqlite
def test_a_column_whose_name_has_a_comma_is_kept(folder: Path, home: Mapping[str, str], store: Store) -> None:
    job = job_of(store, [{"id": "a", "text": "x", "Author, Year": "Ada, 1843"}], [answer(0)])
    results(folder, home, job, "--keep-columns", '"Author, Year"', "-o", "a.jsonl")
    assert read_jsonl(folder / "a.jsonl")[0]["Author, Year"] == "Ada, 1843"


@sqlite
def test_a_large_value_goes_along_whole(folder: Path, home: Mapping[str, str], store: Store) -> None:
    large = "long " * 3_000_000
    job = job_of(store, [{"id": str(n), "text": large} for n in range(3)], [answer(n) for n in range(3)])
    results(folder, home, job, "--keep-columns", "text", "-o", "a.jsonl")
    assert [one["input.text"] == large for one in read_jsonl(folder / "a.jsonl")] == [True] * 3


@sqlite
def test_a_bad_row_keeps_the_columns_that_could_be_read(
    folder: Path, home: Mapping[str, str], store: Store
) -> None:
    stored = rows(3, bad={1})
    job = store_job(store, stored, chunk_documents=3)
    results(folder, home, job, "--keep-columns", "all", "-o", "a.csv", "--errors", "e.csv")
    assert (folder / "e.csv").read_text("utf-8").count("\n") == 2


@sqlite
def test_excel_gets_texts_as_texts_and_numbers_as_numbers(
    folder: Path, home: Mapping[str, str], store: Store
) -> None:
    texts = ["=HYPERLINK(1)", "bell \x07 and _x0007_", "line\nend, é 𝄞", "00042"]
    contents = [{"id": f"0{n}", "text": "x", "size": n, "big": BIG} for n in range(4)]
    job = job_of(store, contents, [answer(place, text) for place, text in enumerate(texts)])
    results(folder, home, job, "--keep-columns", "all", "-o", "a.xlsx")
    book = openpyxl.load_workbook(folder / "a.xlsx")
    heading, *lines = book.active.iter_rows()  # type: ignore[union-attr]
    names = [cell.value for cell in heading]
    assert names[:6] == ["custom_id", "id", "input.text", "size", "big", "text"]
    cells = [dict(zip(names, line, strict=True)) for line in lines]
    assert [one["text"].data_type for one in cells] == ["s"] * 4
    assert cells[0]["text"].value == "=HYPERLINK(1)"
    assert cells[2]["text"].value == "line\nend, é 𝄞"
    assert [one["size"].value for one in cells] == [0, 1, 2, 3]
    assert (cells[3]["custom_id"].value, cells[3]["text"].value) == ("03", "00042")
    assert cells[0]["big"].value == str(BIG)


@sqlite
def test_the_errors_go_to_excel_too(folder: Path, home: Mapping[str, str], job: int) -> None:
    results(folder, home, job, "--errors", "e.xlsx")
    book = openpyxl.load_workbook(folder / "e.xlsx")
    _, failed = book.active.iter_rows(values_only=True)  # type: ignore[union-attr]
    assert failed == ("c", 3, "too_long", "much too long", 1)


@sqlite
def test_a_text_that_is_too_long_for_excel_is_refused_and_not_cut(
    folder: Path, home: Mapping[str, str], store: Store
) -> None:
    job = job_of(store, ROWS[:2], [answer(0, "x" * 32_767), answer(1, "𝄞" * 16_384)])
    done = qwenq_here("results", str(job), "-o", "a.xlsx", cwd=folder, env=home)
    assert done.returncode == 2
    assert "row 3 has 32,768 characters in the column 'text'" in done.stderr
    assert "write .csv" in done.stderr
    assert not list(folder.iterdir())
    results(folder, home, job, "-o", "a.csv")


@sqlite
def test_results_print_openai_lines_on_request_and_no_tables(
    folder: Path, home: Mapping[str, str], job: int
) -> None:
    printed = results(folder, home, job, "--output-format", "openai")
    assert [
        json.loads(line)["response"]["body"]["choices"][0]["message"]["content"]
        for line in printed.splitlines()
    ] == ["answer 0", "answer 1"]
    done = qwenq_here("results", str(job), "--output-format", "csv", cwd=folder, env=home)
    assert done.returncode == 2
    assert "csv needs a file: name one with -o" in done.stderr


@sqlite
def test_a_byte_order_mark_begins_csv_on_request_only(
    folder: Path, home: Mapping[str, str], job: int
) -> None:
    for name, options in {"plain.csv": (), "marked.csv": ("--bom",), "a.jsonl": ("--bom",)}.items():
        results(folder, home, job, "-o", name, *options)
    begins = {path.name: path.read_bytes()[:3] for path in folder.iterdir() if path.name.count(".") == 1}
    assert begins == {"plain.csv": b"cus", "marked.csv": b"\xef\xbb\xbf", "a.jsonl": b'{"c'}


@both
def test_status_counts_cut_and_empty_answers_and_says_the_commonest_reasons(
    folder: Path, home: Mapping[str, str], store: Store
) -> None:
    contents = [{"id": f"d{n}", "text": "x"} for n in range(11)]
    cut = [Outcome(n, "cut", FinishReason.LENGTH, Usage(1, 1)) for n in (0, 1)]
    empty = [
        Outcome(2, "", FinishReason.STOP, Usage(1, 1)),
        Outcome(9, "", FinishReason.LENGTH, Usage(1, 1), "Let me think"),
        Outcome(10, "\n", FinishReason.STOP, Usage(1, 1), "It is"),
    ]
    failures = [failure(n, message=f"the prompt has {n},000 tokens of 'd{n}'") for n in (3, 4, 5, 6)]
    other = failure(7, "poison", "esc \x1b[2J here")
    job = job_of(store, contents, [*cut, *empty, *failures, other, answer(8)])
    found = json.loads(qwenq_here("status", str(job), "--json", cwd=folder, env=home).stdout)
    told = [found["documents"][name] for name in ("cut", "empty", "reasoning_cut", "reasoning_ended")]
    assert told == [3, 3, 1, 1]
    shown = qwenq_here("status", str(job), cwd=folder, env=home).stdout
    assert "2 answers were cut at the limit of tokens; a higher --max-new-tokens" in shown
    assert "1 answer is empty: the reasoning was cut at the limit of tokens; raise --max-new-tokens" in shown
    assert "1 answer is empty: the model ended with its reasoning; try --sampling card" in shown
    assert "1 answer is empty: the model gave no text; look at the document" in shown
    assert "4: too_long: the prompt has 3,000 tokens of 'd3' (first 'd3', in.jsonl, line 4)" in shown
    assert "1: poison: esc ␛[2J here ('d7', in.jsonl, line 8)" in shown


def test_a_run_too_long_for_excel_goes_to_another_file_with_reasons_and_columns(folder: Path) -> None:
    write_jsonl(
        folder / "docs.jsonl",
        [
            {"id": "a", "text": "one two three four", "language": "de"},
            {"id": "b", "text": "x" * 40_000, "language": "en"},
            {"id": "c", "text": ""},
            {"id": "d", "text": 7, "language": "pl"},
        ],
    )
    command = ("run", "docs.jsonl", "--model", "echo", "--max-new-tokens", "2", "--keep-columns", "language")
    refused = qwenq(*command, "-o", "a.xlsx", cwd=folder)
    assert refused.returncode == 2, refused.stderr
    assert "the answers are kept: the same command with another -o writes them" in refused.stderr
    ran = qwenq(*command, "-o", "a.jsonl", cwd=folder)
    assert ran.returncode == 1, ran.stderr
    assert "going on with it" in ran.stderr
    assert "1 answer was cut at the limit of tokens; a higher --max-new-tokens" in ran.stderr
    assert "2 documents without an answer; the reasons: a.errors.jsonl" in ran.stderr
    assert "1: empty_prompt:" in ran.stderr
    assert "1: invalid_row:" in ran.stderr
    assert "line 4)" in ran.stderr
    answers = read_jsonl(folder / "a.jsonl")
    assert [(one["text"], one["language"]) for one in answers] == [("one two", "de"), ("x" * 40_000, "en")]
    assert [one["language"] for one in read_jsonl(folder / "a.errors.jsonl")] == [None, "pl"]


def test_a_run_refuses_to_keep_a_column_that_no_document_has_before_any_work(folder: Path) -> None:
    write_jsonl(folder / "docs.jsonl", [{"id": "a", "text": "x", "language": "de"}])
    command = ("run", "docs.jsonl", "--model", "echo", "--keep-columns", "langage", "-o", "a.jsonl")
    refused = qwenq_here(*command, cwd=folder)
    assert refused.returncode == 2
    assert "no document has a column 'langage'; the columns are: id, text, language" in refused.stderr
