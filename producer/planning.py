"""Planning: rows, as they are stored, are cut into chunks by count and by estimated tokens."""

from collections.abc import Collection, Sequence

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.jobs import PromptSpec

BYTES_PER_TOKEN = 4
"""A rough rule that holds for English prose; other scripts have more bytes and more tokens a character."""


def prompt_overhead(prompt: PromptSpec) -> int:
    """Estimated tokens that every prompt of a job holds beside its document."""
    fixed = (prompt.template or "") + (prompt.system or "")
    return len(fixed.encode()) // BYTES_PER_TOKEN


def estimated_tokens(content: str) -> int:
    """Estimated tokens of one document, from its content's length as UTF-8."""
    size = len(content) if content.isascii() else len(content.encode("utf-8", "replace"))
    return size // BYTES_PER_TOKEN


class ChunkPlanner:
    """Cuts a stream of rows into chunks, in input order and without gaps: every row is in one chunk.

    A chunk holds at most `documents` documents and about `tokens` prompt tokens; a single document above
    that has a chunk of its own. Bad rows cost nothing: they belong to the chunk that is open.
    """

    def __init__(self, documents: int, tokens: int, overhead: int = 0) -> None:
        self._most_documents = documents
        self._most_tokens = tokens
        self._overhead = overhead
        self._first = 0
        self._next = 0
        self._documents = 0
        self._tokens = 0

    def add(self, rows: Sequence[Row], rejected: Collection[int] = ()) -> list[PlannedChunk]:
        """Take the next rows. Returns the chunks that are now complete.

        `rejected` are the places in the input, from 0, of rows that the store refused (their id was used
        before); a BadRow needs no mention.
        """
        chunks: list[PlannedChunk] = []
        most_tokens, overhead = self._most_tokens, self._overhead
        seq, documents, tokens = self._next, self._documents, self._tokens
        # Written out flat: this is run for every document that is submitted.
        for row in rows:
            if type(row) is Document and seq not in rejected:
                content = row.content
                size = len(content) if content.isascii() else len(content.encode())
                cost = size // BYTES_PER_TOKEN + overhead
                if documents and (documents >= self._most_documents or tokens + cost > most_tokens):
                    chunks.append(self._chunk(seq, documents))
                    documents = tokens = 0
                documents += 1
                tokens += cost
            seq += 1
        self._next, self._documents, self._tokens = seq, documents, tokens
        return chunks

    def finish(self) -> list[PlannedChunk]:
        """The last chunk, once all rows were added; none when there was no document."""
        return [self._chunk(self._next, self._documents)] if self._documents else []

    def _chunk(self, end: int, documents: int) -> PlannedChunk:
        """Close the open chunk before `end`."""
        first, self._first = self._first, end
        return PlannedChunk(first, end - 1, rejected=end - first - documents)
