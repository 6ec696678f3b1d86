"""`qwenq submit` of a mixed folder: tables, documents, and files that cannot be read."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from qwenq.schemas.results import ErrorLine
from tests.commands import qwenq_here
from tests.made_files import docx_of, pdf_of, write_parquet, xlsx_of
from tests.processes import read_jsonl

GOOD = {
    "table.csv:2": "From a table.",
    "rows.jsonl:1": "From a row.",
    "sheet.xlsx:2": "From a sheet.",
    "wide.parquet:1": "From Parquet.",
    "contracts/a.pdf": "From a PDF.",
    "contracts/b.docx": "From Word.",
    "c.html": "From a page.",
    "d.txt": "Z pliku: żółć.",
}
BAD = [
    ("unreadable_document", "contracts/locked.pdf: it is encrypted; save it without a password"),
    (
        "unknown_kind",
        (
            "scan.jpg: qwenq does not read .jpg files; run text recognition over it, and save it as text; or leave it "
            "out with a pattern like '*.pdf'"
        ),
    ),
]


@pytest.fixture
def inbox(folder: Path) -> Path:
    """A file of each kind, an encrypted one, and one of an unknown kind."""
    inbox = folder / "inbox"
    (inbox / "contracts").mkdir(parents=True)
    files = {
        "table.csv": b"text\nFrom a table.\n",
        "rows.jsonl": b'{"text": "From a row."}\n',
        "sheet.xlsx": xlsx_of([("text",), ("From a sheet.",)]),
        "contracts/a.pdf": pdf_of("From a PDF."),
        "contracts/b.docx": docx_of("From Word."),
        "contracts/locked.pdf": pdf_of("Nobody reads this.", password="word"),
        "c.html": b"<p>From a page.<script>no()</script>",
        "d.txt": "Z pliku: żółć.".encode(),
        "scan.jpg": b"\xff\xd8\xff",
    }
    for name, data in files.items():
        (inbox / name).write_bytes(data)
    write_parquet(inbox / "wide.parquet", {"text": ["From Parquet."]})
    return inbox


def test_every_file_of_a_mixed_folder_becomes_documents_or_an_error(folder: Path, inbox: Path) -> None:
    submitted = qwenq_here("submit", "inbox", "--model", "echo", cwd=folder)
    assert submitted.returncode == 0, submitted.stderr
    assert "2 bad rows of 10" in submitted.stderr
    with closing(sqlite3.connect(folder / ".qwenq" / "qwenq.db")) as connection:
        stored = dict(
            connection.execute("SELECT custom_id, content FROM documents WHERE custom_id IS NOT NULL")
        )
    assert {custom_id: json.loads(content)["text"] for custom_id, content in stored.items()} == GOOD
    shown = qwenq_here("results", "1", "-o", "out.jsonl", "--errors", "why.jsonl", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    errors = [ErrorLine.model_validate(line).error for line in read_jsonl(folder / "why.jsonl")]
    assert [(error.code, error.message.removeprefix("inbox: ")) for error in errors] == BAD


def test_a_dry_run_shows_prompts_of_files_and_what_is_bad(folder: Path, inbox: Path) -> None:
    seen = qwenq_here("submit", "inbox/c*/*", "inbox/scan.*", "--model", "echo", "--dry-run",
                      "--prompt", "{{ file }} of {{ pages }} pages: {{ text }}", cwd=folder)  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    assert "── inbox/contracts/a.pdf\n" in seen.stdout
    assert "bad row, inbox/contracts/locked.pdf: " in seen.stdout
    assert "a.pdf of 1 pages: From a PDF." in seen.stdout
    assert "inbox/contracts/locked.pdf: it is encrypted; save it without a password" in seen.stdout
    assert "2 documents, 2 bad rows" in seen.stdout
    assert not (folder / ".qwenq" / "qwenq.db").exists()


def test_submit_refuses_a_folder_without_a_good_document(folder: Path) -> None:
    (folder / "scans").mkdir()
    (folder / "scans" / "a.jpg").write_bytes(b"x")
    refused = qwenq_here("submit", "scans", "--model", "echo", cwd=folder)
    assert refused.returncode == 2
    assert "a.jpg: qwenq does not read .jpg files" in refused.stderr
