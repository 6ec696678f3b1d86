"""The text of a file that is one document."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document.

    `pages` counts its pages, None for a kind without pages. `note` says what is left out, None if nothing is.
    """

    text: str
    pages: int | None = None
    note: str | None = None
