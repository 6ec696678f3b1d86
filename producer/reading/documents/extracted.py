"""What is got out of a file that is one document."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document; `pages` where its kind has pages."""

    text: str
    pages: int | None = None
