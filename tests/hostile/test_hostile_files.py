"""Hostile files beside good ones: all good ones come through, and a bad row says why. `make hostile` runs more."""

from pathlib import Path

import pytest

from qwenq.producer.reading.reader_process import ReaderProcess
from tests.hostile.cases import CASES
from tests.hostile.checking import Inbox
from tests.hostile.mutated import mutated
from tests.hostile.tally import MIB, Bounds

BOUNDS = Bounds(5.0, 512 * MIB)
MUTATIONS = 2
SMALL = ("many_pages.pdf", "merges_regex.xlsx", "attrs.html", "manycols.csv")
"""Those that are made and read soon; they are mutated too."""
SLOW = (
    "dictionary.parquet",
    "shared_texts.parquet",
    "long_texts.parquet",
    "xml_60m_tiny.docx",
    "text_20m.pdf",
    "flate_flate_500m.pdf",
    "text_200m.pdf",
    "strings.xlsx",
    "stored_png.docx",
    "merge_wide.xlsx",
    "farcol.xlsx",
    "many_p.html",
)
"""Left to `make hostile`."""
REASONS = {
    "xobject_lol.pdf": "put a sound copy in its place, split it, or set QWENQ_READ_",
    "q_nest.pdf": "put a sound copy in its place, split it, or set QWENQ_READ_",
    "many_pages.pdf": "it has 20,000 pages; the most is 10,000",
    "merge_amplify.xlsx": "names the column 'xxx",
    "merge_tall.xlsx": "merged cells repeat more than 64 MiB of text",
    "merges_many.xlsx": "more than 100,000 merged ranges",
    "manycols.csv": "its header has 200,000 columns; the most is 16,384",
    "attrs.html": "more than 1,000 attributes",
    "parts.docx": "it has 70,000 parts",
    "chunks.docx": "embedded parts repeat more than 64 MiB of text",
    "wide.csv": "too many fields",
}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    for name, value in BOUNDS.variables().items():
        monkeypatch.setenv(name, value)
    return Inbox(tmp_path)


@pytest.mark.parametrize("name", [name for name in CASES if name not in SLOW])
def test_a_hostile_file_hurts_no_other_and_its_bad_row_says_why(inbox: Inbox, name: str) -> None:
    outcome = inbox.read(name, CASES[name](), BOUNDS.seconds)
    if name in REASONS:
        assert REASONS[name] in outcome.bad_rows[0].reason


@pytest.mark.parametrize("name", SMALL)
def test_a_changed_hostile_file_hurts_no_other(inbox: Inbox, name: str) -> None:
    content = CASES[name]()
    with ReaderProcess() as reader:
        for number in range(MUTATIONS):
            inbox.read(name, mutated(name, content, number), BOUNDS.seconds, reader)
