"""Where results may be written: never where the inputs would find them."""

from pathlib import Path

import pytest

from qwenq.exporting import check_not_read
from qwenq.schemas.errors import OutputNotWritable
from tests.commands import qwenq_here
from tests.processes import write_jsonl


@pytest.mark.parametrize(
    ("source", "out", "errors"),
    [
        ("inbox", "inbox/answers.jsonl", None),
        ("inbox", "inbox/deep/answers.csv", None),
        ("./inbox/", "../work/inbox/answers.jsonl", None),
        ("inbox/*.jsonl", "inbox/answers.jsonl", None),
        ("inbox/**", "inbox/answers.parquet", None),
        ("inbox/**/*.jsonl", "inbox/x/answers.jsonl", None),
        ("*/*.jsonl", "inbox/answers.jsonl", None),
        ("*", "inbox/answers.jsonl", None),
        ("inbox", "answers.jsonl", "inbox/errors.jsonl"),
        ("inbox/*.errors.jsonl", "inbox/answers.csv", None),
        ("link", "inbox/answers.jsonl", None),
        ("inbox", "link/answers.jsonl", None),
    ],
)
def test_an_output_that_an_input_covers_is_refused(
    folder: Path, source: str, out: str, errors: str | None
) -> None:
    (folder / "inbox").mkdir()
    (folder / "link").symlink_to("inbox")
    write_jsonl(folder / "inbox" / "a.errors.jsonl", [{"id": "a", "text": "x"}])
    command = ["run", source, "--model", "echo", "-o", out, *(("--errors", errors) if errors else ())]
    for dry in ((), ("--dry-run",)):
        refused = qwenq_here(*command, *dry, cwd=folder)
        assert refused.returncode == 2
        assert f"the input {source} covers this place" in refused.stderr
    assert [path.name for path in (folder / "inbox").iterdir()] == ["a.errors.jsonl"]


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("inbox", "answers.jsonl"),
        ("inbox", "inbox2/answers.jsonl"),
        ("inbox", "inbox/.out/answers.jsonl"),
        ("inbox/*.jsonl", "inbox/answers.csv"),
        ("inbox/*.jsonl", "inbox/deep/answers.jsonl"),
        ("inbox/a.jsonl", "inbox/answers.jsonl"),
        ("*.jsonl", "inbox/answers.jsonl"),
        ("s3://bucket/inbox/", "s3://bucket/answers.jsonl"),
        ("s3://bucket/inbox/*.csv", "s3://bucket/inbox/answers.jsonl"),
        ("s3://bucket/inbox", "inbox/answers.jsonl"),
    ],
)
def test_an_output_that_no_input_covers_is_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, out: str
) -> None:
    (folder / "inbox").mkdir()
    monkeypatch.chdir(folder)
    check_not_read([out], [source])


@pytest.mark.parametrize("source", ["s3://bucket/inbox", "s3://bucket/in*/*.jsonl", "s3://bucket/**"])
def test_an_object_that_an_input_covers_is_refused(source: str) -> None:
    with pytest.raises(OutputNotWritable, match="covers this place"):
        check_not_read(["s3://bucket/inbox/answers.jsonl"], [source])


def test_a_web_address_is_refused_with_what_to_do(folder: Path) -> None:
    url = "https://example.org/a.csv"
    refused = qwenq_here("run", url, "--model", "echo", "-o", "a.jsonl", cwd=folder)
    assert refused.returncode == 2
    assert f"{url} is not opened" in refused.stderr
    assert "download it first, as with `curl -L -o FILE URL`, and name FILE instead" in refused.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "answers.xls"), "its name must end in .jsonl, .csv, .parquet or .xlsx"),
        (("-o", "new/answers.jsonl", "--keep-columns", "nope"), "no document has a column 'nope'"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would_and_writes_nothing(
    folder: Path, options: tuple[str, ...], told: str
) -> None:
    write_jsonl(folder / "a.jsonl", [{"id": "a", "text": "x"}])
    refused = qwenq_here("run", "a.jsonl", "--model", "echo", *options, "--dry-run", cwd=folder)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert [path.name for path in folder.iterdir()] == ["a.jsonl"]


def test_a_dry_run_of_several_files_names_the_file_of_a_bad_row(folder: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write_jsonl(folder / name, [{"id": "a", "text": "x"}])
    done = qwenq_here("run", "a.jsonl", "b.jsonl", "--model", "echo", "--dry-run", cwd=folder)
    assert "bad row, line 1 of b.jsonl: the id 'a' was used before, on line 1 of a.jsonl" in done.stdout
    assert "1 with invalid_row, line 1 of b.jsonl" in done.stdout
