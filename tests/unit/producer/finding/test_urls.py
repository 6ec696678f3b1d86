"""Buckets and file:// are read like folders; other protocols are refused."""

import sys
from pathlib import Path

import pytest

from qwenq.schemas.errors import (
    MissingExtra,
    UnknownProtocol,
    UnreadableInput,
)
from tests.unit.producer.finding.inbox import WHOLE, bad_rows, ids, rows_of


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1:9/a.csv", "reference://x.txt::/tmp/ref.json", "webhdfs://127.0.0.1:9/a.csv", "github://a:b@/c.csv",
        "zip://a.csv::file:///tmp/a.zip", "simplecache::s3://bucket/inbox/a.csv", "s3://bucket/x::file:///etc/passwd",
        "memory://a.csv", "local:///etc/passwd", "FTP://127.0.0.1/a.csv", "nothing://here/a.csv", "data://text,a",
    ],
)  # fmt: skip
def test_other_protocols_and_chains_are_refused(bucket: str, name: str) -> None:
    with pytest.raises(UnknownProtocol, match="s3://, s3a://, gs:// and gcs://"):
        rows_of(name)


def test_an_object_whose_name_looks_like_a_chain_is_a_bad_row(bucket: str) -> None:
    import fsspec

    fsspec.filesystem("s3").pipe("/bucket/inbox/x::file:/etc/passwd.txt", b"x")
    [(name, reason)] = bad_rows(bucket).items()
    assert name == "x::file:/etc/passwd.txt"
    assert "rename it" in reason


def test_a_bucket_is_read_like_a_folder(bucket: str) -> None:
    assert ids(bucket) == WHOLE
    assert rows_of(f"{bucket}/*.csv").sources == (
        "s3://bucket/inbox/a.csv",
        "s3://bucket/inbox/b.csv",
    )
    assert ids(f"{bucket}/a.csv") == ["2"]


def test_a_file_url_is_read(inbox: Path) -> None:
    assert ids(f"file://{inbox}/*.csv") == ["a.csv:2", "b.csv:2"]
    assert ids(f"file://{inbox}") == WHOLE


def test_a_bucket_is_listed_anew_each_time(bucket: str) -> None:
    import fsspec

    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2"]
    fsspec.filesystem("s3").pipe("/bucket/inbox/c.csv", b"text\nc\n")
    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2", "c.csv:2"]


def test_a_url_without_a_file_is_refused(bucket: str) -> None:
    with pytest.raises(UnreadableInput, match=r"nowhere\.csv cannot be read: no such file or folder"):
        rows_of(f"{bucket}/nowhere.csv")


@pytest.mark.parametrize(("scheme", "module", "extra"), [("s3", "s3fs", "s3"), ("gs", "gcsfs", "gcs")])
def test_a_missing_package_of_an_object_store_names_the_extra(
    scheme: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.registry import _registry

    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, scheme, raising=False)
    with pytest.raises(MissingExtra, match=rf"pip install '.*\[{extra}\]'"):
        rows_of(f"{scheme}://bucket/*.csv")
