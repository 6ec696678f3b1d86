"""A row of the input: a document that can be answered, or the reason why it cannot."""

from typing import NamedTuple

from qwenq.schemas.errors import InvalidRow


class Document(NamedTuple):
    """One good row. `content` is the row as a JSON object, `line` where it starts in its source (from 1).

    `custom_id` is unique in its job; `source` is the file's place in the job's list of files.
    """

    custom_id: str
    source: int
    line: int
    content: str


class BadRow(NamedTuple):
    """One bad row: where it stands, its raw text (shortened), a plain reason, and its code for programs."""

    source: int
    line: int
    raw: str
    reason: str
    code: str = InvalidRow.code


Row = Document | BadRow
