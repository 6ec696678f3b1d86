"""From the names that a job is given to its inputs: files of rows, and files that are one document each."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from qwenq.producer.reading.documents.files import DocumentFile, DocumentGroup, base_name
from qwenq.producer.reading.formats import Format, format_of_name, known_format
from qwenq.producer.reading.sources.files import File
from qwenq.producer.reading.sources.finding import find_files
from qwenq.producer.reading.sources.source import Source
from qwenq.schemas.errors import InvalidParameter, TooManyInputs, UnreadableInput

STDIN = "-"
STDIN_NAME = "stdin"
MOST_INPUTS = 1 << 15
"""What the store's column for a document's source can tell apart."""


def find_inputs(
    names: Sequence[str], given: Format | None, sheet: str | None, stdin: BinaryIO | None
) -> list[Source | DocumentGroup]:
    """The inputs behind `names`: files, patterns, folders, URLs; `-` is `stdin`. `sheet` is that of spreadsheets.

    Raises UnreadableInput, UnknownFormat (of a file that is named itself), NothingFound, MissingExtra, TooManyInputs,
    and InvalidParameter for a sheet where there is no spreadsheet.
    """
    if names.count(STDIN) > 1:
        raise UnreadableInput(source=STDIN_NAME, reason="it can be read only once")
    inputs: list[Source | DocumentGroup] = []
    for name in names:
        alone = len(names) == 1
        if name == STDIN:
            stream = sys.stdin.buffer if stdin is None else stdin
            found = [_Piece(File(STDIN_NAME, stream), "" if alone else STDIN_NAME, given)]
            inputs += _inputs_of(STDIN_NAME, found, len(inputs))
        else:
            inputs += _inputs_of(name, _pieces(name, given, alone=alone), len(inputs))
    if len(inputs) > MOST_INPUTS:
        raise TooManyInputs(count=len(inputs), most=MOST_INPUTS)
    if sheet and not any(isinstance(one, Source) and one.format == Format.XLSX for one in inputs):
        raise InvalidParameter(name="--sheet", reason="none of the inputs is a spreadsheet (.xlsx)")
    return inputs


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file by the path that ids begin with, which is "" for a file that is the only input."""

    file: File
    path: str
    format: Format | None
    found: bool = False


def _pieces(name: str, given: Format | None, *, alone: bool) -> list[_Piece]:
    found = find_files(name)
    if found.base is None:
        file = File(name)
        # Before its format is asked for: of a folder that is not there, that would be the wrong question.
        file.check_there()
        return [_Piece(file, "" if alone else name, given or format_of_name(name))]
    return [
        _Piece(File(path), found.below(path) if alone else path, given or known_format(path), found=True)
        for path in found.paths
    ]


def _inputs_of(name: str, pieces: Sequence[_Piece], first: int) -> list[Source | DocumentGroup]:
    """Each file of rows is an input; all others together are the last: there may be more files than inputs."""
    tables = [piece for piece in pieces if _has_rows(piece)]
    documents = [piece for piece in pieces if not _has_rows(piece)]
    inputs: list[Source | DocumentGroup] = [
        Source(piece.file, first + place, piece.format, f"{piece.path}:" if piece.path else "", piece.found)
        for place, piece in enumerate(tables)
    ]
    if documents:
        files = tuple(
            DocumentFile(piece.file, piece.path or base_name(piece.file.name), piece.format)
            for piece in documents
        )
        inputs.append(DocumentGroup(name, first + len(tables), files))
    return inputs


def _has_rows(piece: _Piece) -> bool:
    """Whether a file has rows. Text from a pipe tells its format itself; a file that does not is no table."""
    if piece.format is None:
        return piece.file.stream is not None
    return not piece.format.is_document
