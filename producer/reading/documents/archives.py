"""Zip archives, as Office writes them: looked at before anything is unpacked."""

import zipfile
from typing import BinaryIO

from qwenq.schemas.errors import UnreadableDocument

_XML = (".xml", ".rels")
_MOST_PACKED = 10
_OLE_MARK = b"\xd0\xcf\x11\xe0"


def check_archive(file: BinaryIO, kind: str, most_bytes: int) -> None:
    """Raise UnreadableDocument unless this is a zip archive whose XML unpacks to at most `most_bytes`.

    zipfile unpacks no more of a part than its entry says, so that the sum of them can be trusted.
    """
    file.seek(0)
    mark = file.read(len(_OLE_MARK))
    if mark == _OLE_MARK:
        reason = f"it is encrypted, or of an Office before 2007; save it as a {kind} without a password"
        raise UnreadableDocument(reason=reason)
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist() if _counts(part))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableDocument(
            reason=f"it is not a {kind}, or damaged ({error}); put a sound copy in its place"
        ) from None
    if size > most_bytes:
        mebibytes = f"{size >> 20:,} MiB, and {most_bytes >> 20:,} are the most"
        raise UnreadableDocument(reason=f"unpacked, it has {mebibytes}; split it, or save it as text")


def _counts(part: zipfile.ZipInfo) -> bool:
    """Whether a part is XML, or what is no picture: pictures are packed already."""
    return part.filename.lower().endswith(_XML) or part.file_size > _MOST_PACKED * part.compress_size
