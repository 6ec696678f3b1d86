"""From the names of the inputs to their rows."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from producer.reading.delimited import read_delimited
from producer.reading.formats import Format
from producer.reading.jsonl import read_jsonl
from producer.reading.rows import RowRules
from producer.reading.sources import Source, find_sources
from schemas.documents import Row
from schemas.generation import GenerationParams
from schemas.jobs import PromptSpec


def read_rows(
    sources: Sequence[str],
    format: Format | None,  # noqa: A002 - the word of the command line
    prompt: PromptSpec,
    params: GenerationParams,
    stdin: BinaryIO | None = None,
) -> Iterator[Row]:
    """The rows of all `sources` in order, streamed; `-` is `stdin` (by default the process's own).

    Every source is opened and its beginning read before this returns. Raises UnreadableInput,
    UnknownFormat and UnknownColumn (a CSV header without the text or id column).
    """
    found = find_sources(sources, format, stdin)
    rules = RowRules(prompt, params)
    alone = len(found) == 1
    turns = [_Turn(source, rules, "" if alone else f"{source.name}:") for source in found]
    return chain.from_iterable(turn.rows() for turn in turns)


class _Turn:
    """One source that waits for its turn.

    A plain file is tried, then closed and opened again: thousands of them must not all be open at once.
    """

    def __init__(self, source: Source, rules: RowRules, id_prefix: str) -> None:
        self._source = source
        self._rules = rules
        self._id_prefix = id_prefix
        self._opened: Iterator[Row] | None = self._open()
        if source.again and source.index > 0:
            self._opened = None

    def rows(self) -> Iterator[Row]:
        """The rows from the first one on; to be asked for once."""
        return self._open() if self._opened is None else self._opened

    def _open(self) -> Iterator[Row]:
        opened = self._source.open()
        match opened.format:
            case Format.JSONL:
                return read_jsonl(opened, self._rules, self._id_prefix)
            case Format.CSV:
                return read_delimited(opened, ",", self._rules, self._id_prefix)
            case Format.TSV:
                return read_delimited(opened, "\t", self._rules, self._id_prefix)
