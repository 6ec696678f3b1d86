"""An inbox as a folder and in a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.buckets import buckets
from tests.unit.producer.finding.inbox import fill


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder of files, some in subfolders, some hidden."""
    return fill(tmp_path / "inbox")


@pytest.fixture
def bucket(inbox: Path) -> Iterator[str]:
    """The same files, in memory, behind a URL."""
    with buckets() as store:
        store.put(f"{inbox}/", "/bucket/inbox/", recursive=True)
        yield "s3://bucket/inbox"
