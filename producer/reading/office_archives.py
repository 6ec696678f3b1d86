"""Check the zip archives that Office writes, before anything is unpacked."""

import zipfile
from typing import BinaryIO

from qwenq.schemas.errors import UnreadableDocument

_XML = (".xml", ".rels")
_MOST_PACKED = 10
_OLE_MARK = b"\xd0\xcf\x11\xe0"


def check_archive(file: BinaryIO, kind: str, most_bytes: int) -> None:
    """Raise UnreadableDocument unless this is a zip archive whose XML unpacks to at most `most_bytes`.

    The sum of the entries' sizes can be trusted: zipfile unpacks no more of an entry than it says.
    """
    file.seek(0)
    mark = file.read(len(_OLE_MARK))
    if mark == _OLE_MARK:
        reason = f"it is encrypted, or from an Office before 2007; save it as a {kind} without a password"
        raise UnreadableDocument(reason=reason)
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist() if _counts(part))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableDocument(
            reason=f"it is not a {kind}, or damaged ({error}); put a sound copy in its place"
        ) from None
    if size > most_bytes:
        mebibytes = f"{size >> 20:,} MiB; the most is {most_bytes >> 20:,}"
        raise UnreadableDocument(reason=f"it unpacks to {mebibytes}. Split it, or save it as text")


def _counts(part: zipfile.ZipInfo) -> bool:
    """Whether an entry counts: XML, and anything that packs well. Pictures do not."""
    return part.filename.lower().endswith(_XML) or part.file_size > _MOST_PACKED * part.compress_size
