"""JSON Lines: one object on each line. The line itself is the document's content."""

from collections.abc import Iterator

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, line_batches
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow


def read_jsonl(source: OpenSource, rules: RowRules, id_prefix: str) -> Iterator[Row]:
    """The rows of a JSONL input. A row without an id gets `id_prefix` and its line number."""
    index, number = source.index, 0
    # `submit` runs this loop for every document: names are local, and nothing is built twice.
    loads, custom_id, check = orjson.loads, rules.custom_id, rules.check
    try:
        for lines in line_batches(source.blocks):
            for line in lines:
                number += 1
                # A blank line is no error; found out by one, millions of them would take minutes.
                if not line or line.isspace():
                    continue
                try:
                    if len(line) > LINE_LIMIT:
                        raise InvalidRow(reason=OVER_LONG)  # noqa: TRY301
                    row = loads(line)
                    if type(row) is not dict:
                        raise InvalidRow(reason="it is not a JSON object")  # noqa: TRY301
                    own_id = custom_id(row) or f"{id_prefix}{number}"
                    check(row)
                except orjson.JSONDecodeError as error:
                    yield BadRow.from_raw(index, number, line, _why(line, error))
                except (InvalidRow, InvalidOverride) as error:
                    yield BadRow.from_raw(index, number, line, error.reason, error.code)
                else:
                    yield Document(own_id, index, number, line.decode().strip())
    except BrokenOff as broken:
        reason = f"the file broke off here: {broken.reason}"
        yield BadRow.from_raw(index, number + 1, broken.rest, reason)


def _why(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as undecodable:
        return f"not valid UTF-8 (byte {undecodable.start + 1} of the line)"
    return f"broken JSON: {error.msg} (column {error.colno})"
