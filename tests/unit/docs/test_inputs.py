"""docs/inputs.md lists the formats and limits of the code."""

import re
from pathlib import Path

from qwenq.producer.reading import Format
from qwenq.producer.reading.documents.pdf import MOST_PAGES
from qwenq.producer.reading.documents.web.page import HTML_BYTES, MOST_ATTRIBUTES
from qwenq.producer.reading.documents.word.document import XML_BYTES
from qwenq.producer.reading.formats import known_format
from qwenq.producer.reading.inputs import MOST_INPUTS
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.producer.reading.sources.files import WHOLE_BYTES
from qwenq.producer.reading.tables.header import MOST_COLUMNS
from qwenq.producer.reading.tables.sheets.merged_cells import MOST_COPIED_CHARS, MOST_RANGES
from qwenq.producer.reading.tables.sheets.sheet import MOST_ROWS
from qwenq.producer.reading.tables.sheets.spreadsheet import UNPACKED_BYTES

INPUTS = (Path(__file__).parents[3] / "docs" / "inputs.md").read_text("utf-8")


def test_the_page_lists_every_format_with_its_endings() -> None:
    endings = re.findall(r"`(\.\w+)`", INPUTS.partition("## What is read")[2].partition("What is needed")[0])
    formats = {known_format(f"a{ending}") for ending in endings if ending not in {".gz", ".zst"}}
    assert formats == set(Format)
    assert all(f"`{form}`" in INPUTS for form in Format)


def test_the_page_gives_the_limits_of_the_code() -> None:
    listed = INPUTS.partition("## Limits")[2].partition("Every input")[0]
    sizes = [int(mebibytes) << 20 for mebibytes in re.findall(r"(\d+) MiB", listed)]
    assert sizes == [LINE_LIMIT, WHOLE_BYTES, HTML_BYTES, XML_BYTES, UNPACKED_BYTES, MOST_COPIED_CHARS]
    counts = (MOST_PAGES, MOST_ATTRIBUTES, MOST_COLUMNS, MOST_ROWS, MOST_RANGES, MOST_INPUTS)
    assert re.findall(r"\| ([\d,]+) \|", listed) == [f"{count:,}" for count in counts]
