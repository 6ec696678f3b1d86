"""From the names in a job to its inputs: files of rows, and groups of files that are one document each."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from qwenq.producer.reading.documents.files import DocumentFile, DocumentGroup, base_name, shown
from qwenq.producer.reading.formats import Format, format_of_name, known_format
from qwenq.producer.reading.sources.access import ANYWHERE, Access
from qwenq.producer.reading.sources.files import File
from qwenq.producer.reading.sources.finding import find_files
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacked_bytes import UnpackedBytes
from qwenq.schemas.errors import InvalidParameter, TooManyInputs, UnreadableInput

STDIN = "-"
STDIN_NAME = "stdin"
MOST_INPUTS = 1 << 15
"""The most inputs of a job: the store keeps a document's source as a 16-bit integer."""


def find_inputs(
    names: Sequence[str],
    given: Format | None,
    sheet: str | None,
    stdin: BinaryIO | None,
    access: Access = ANYWHERE,
) -> list[Source | DocumentGroup]:
    """The inputs behind `names`: files, patterns, folders, URLs; `-` is `stdin`. `sheet` is for spreadsheets.

    Raises UnreadableInput, UnknownFormat (for a file named itself), NothingFound, MissingExtra, UnknownProtocol,
    OutsideRoots, TooManyInputs, and InvalidParameter for a sheet without a spreadsheet.
    """
    if names.count(STDIN) > 1:
        raise UnreadableInput(source=STDIN_NAME, reason="it can be read only once")
    inputs: list[Source | DocumentGroup] = []
    unpacked = UnpackedBytes(access.unpacked_bytes)
    for name in names:
        alone = len(names) == 1
        if name == STDIN:
            stream = sys.stdin.buffer if stdin is None else stdin
            found = [_NamedFile(File(STDIN_NAME, stream), "" if alone else STDIN_NAME, given)]
            inputs += _inputs_of(STDIN_NAME, found, len(inputs), unpacked, access)
        else:
            found = _files(name, given, access, alone=alone)
            inputs += _inputs_of(shown(name), found, len(inputs), unpacked, access)
    if len(inputs) > MOST_INPUTS:
        raise TooManyInputs(count=len(inputs), most=MOST_INPUTS)
    if sheet and not any(isinstance(one, Source) and one.format == Format.XLSX for one in inputs):
        raise InvalidParameter(name="--sheet", reason="none of the inputs is a spreadsheet (.xlsx)")
    return inputs


@dataclass(frozen=True, slots=True)
class _NamedFile:
    """A file behind a name. `path` begins its ids; it is "" for the only input. `found`: by a folder or a pattern."""

    file: File
    path: str
    format: Format | None
    found: bool = False


def _files(name: str, given: Format | None, access: Access, *, alone: bool) -> list[_NamedFile]:
    found = find_files(name, access)
    if found.base is None:
        [name] = found.paths
        file = File(name, bounds=found.bounds)
        # Before the format: for a missing folder, "unknown format" would mislead.
        file.check_there()
        return [_NamedFile(file, "" if alone else shown(name), given or format_of_name(name))]
    return [
        _NamedFile(
            File(path, bounds=found.bounds),
            shown(found.below(path) if alone else path),
            given or known_format(path),
            found=True,
        )
        for path in found.paths
    ]


def _inputs_of(
    name: str, named_files: Sequence[_NamedFile], first: int, unpacked: UnpackedBytes, access: Access
) -> list[Source | DocumentGroup]:
    """Each file of rows is an input; all document files together are one, since there may be very many."""
    tables = [one for one in named_files if _has_rows(one)]
    documents = [one for one in named_files if not _has_rows(one)]
    inputs: list[Source | DocumentGroup] = [
        Source(one.file, first + place, one.format, f"{one.path}:" if one.path else "", one.found, unpacked)
        for place, one in enumerate(tables)
    ]
    if documents:
        files = tuple(
            DocumentFile(one.file, one.path or shown(base_name(one.file.name)), one.format)
            for one in documents
        )
        inputs.append(DocumentGroup(name, first + len(tables), files, access.allow_partial))
    return inputs


def _has_rows(one: _NamedFile) -> bool:
    """Whether a file has rows. Text from a pipe shows its format itself; a file of unknown format has none."""
    if one.format is None:
        return one.file.stream is not None
    return not one.format.is_document
