"""Plan chunks: cut the rows of a job by count and by estimated tokens, as they are stored."""

from collections.abc import Collection, Sequence

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.jobs import PromptSpec

BYTES_PER_TOKEN = 4
"""A rough rule for English prose; other scripts have more bytes and more tokens for each character."""


def prompt_overhead(prompt: PromptSpec) -> int:
    """Estimated tokens of a prompt without its document: the template and the system message."""
    fixed = (prompt.template or "") + (prompt.system or "")
    return len(fixed.encode()) // BYTES_PER_TOKEN


def estimated_tokens(content: str) -> int:
    """Estimated tokens of a document, by its content's length in UTF-8."""
    size = len(content) if content.isascii() else len(content.encode("utf-8", "replace"))
    return size // BYTES_PER_TOKEN


class ChunkPlanner:
    """Cuts a stream of rows into chunks, in input order and without gaps: every row is in one chunk.

    A chunk holds at most `documents` documents and about `tokens` prompt tokens. A document above that has its own
    chunk. Bad rows cost nothing: they join the open chunk.
    """

    def __init__(self, documents: int, tokens: int, overhead: int = 0) -> None:
        self._most_documents = documents
        self._most_tokens = tokens
        self._overhead = overhead
        self._first = 0
        self._next = 0
        self._documents = 0
        self._tokens = 0
        self.bytes = 0
        """Bytes of all documents so far, rejected ones not counted."""

    def add(self, rows: Sequence[Row], rejected: Collection[int] = ()) -> list[PlannedChunk]:
        """Add the next rows. Returns the chunks that are now complete.

        `rejected` holds the places in the input, from 0, of documents that the store refused, since their id was used
        before. It need not name bad rows.
        """
        chunks: list[PlannedChunk] = []
        most_tokens, overhead = self._most_tokens, self._overhead
        seq, documents, tokens, total = self._next, self._documents, self._tokens, self.bytes
        # Flat code: this loop runs for every document of a submit.
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
                total += size
            seq += 1
        self._next, self._documents, self._tokens, self.bytes = seq, documents, tokens, total
        return chunks

    def finish(self) -> list[PlannedChunk]:
        """The last chunk, after all rows; [] if it would hold no document."""
        return [self._chunk(self._next, self._documents)] if self._documents else []

    def _chunk(self, end: int, documents: int) -> PlannedChunk:
        """Close the open chunk before `end`."""
        first, self._first = self._first, end
        return PlannedChunk(first, end - 1, rejected=end - first - documents)
