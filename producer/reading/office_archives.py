"""The zip archives that Office writes: what is unpacked is bounded, and parts are found as Office finds them."""

import zipfile
from typing import IO, Any, BinaryIO, Literal

from qwenq.schemas.errors import UnreadableDocument, reason_of

_MOST_PARTS = 1 << 16
OLE_MARK = b"\xd0\xcf\x11\xe0"


class OfficeArchive(zipfile.ZipFile):
    """A zip archive whose opened parts unpack to at most `most_bytes` in all. Other parts, such as pictures, are free.

    Opening raises UnreadableDocument above that. Sizes can be trusted: zipfile unpacks no more of a part than its entry
    says. What a part is called, and how it is packed, does not matter: relations may name any part. Upper and lower
    case in names, and backslashes as some programs write them, do not matter either.
    """

    def __init__(self, file: BinaryIO, kind: str, most_bytes: int) -> None:
        """Read the list of parts. Raises UnreadableDocument unless this is a zip archive."""
        self._most_bytes = most_bytes
        self._opened: dict[str, int] = {}
        file.seek(0)
        if file.read(len(OLE_MARK)) == OLE_MARK:
            reason = f"it is encrypted, or from an Office before 2007; save it as a {kind} without a password"
            raise UnreadableDocument(reason=reason)
        try:
            super().__init__(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            reason = f"it is not a {kind}, or damaged ({reason_of(error)}); put a sound copy in its place"
            raise UnreadableDocument(reason=reason) from None
        if len(self.filelist) > _MOST_PARTS:
            reason = (
                f"it has {len(self.filelist):,} parts; the most is {_MOST_PARTS:,}. Save it again as a {kind}"
            )
            raise UnreadableDocument(reason=reason)
        self._alike = {_alike(part.filename): part for part in self.filelist}

    def __contains__(self, name: str) -> bool:
        """Whether there is a part of this name."""
        return _alike(name) in self._alike

    def getinfo(self, name: str) -> zipfile.ZipInfo:
        """The entry of a part. Raises KeyError if there is none."""
        found = self.NameToInfo.get(name) or self._alike.get(_alike(name))
        return super().getinfo(name) if found is None else found

    def namelist(self) -> list[str]:
        """The names of all parts, with slashes."""
        return [part.filename.replace("\\", "/") for part in self.filelist]

    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        """Open a part. Raises UnreadableDocument above the limit, KeyError if there is no such part."""
        part = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        self._opened[part.filename] = part.file_size
        size = sum(self._opened.values())
        if size > self._most_bytes:
            mebibytes = f"{size >> 20:,} MiB; the most is {self._most_bytes >> 20:,}"
            raise UnreadableDocument(reason=f"it unpacks to {mebibytes}. Split it, or save it as text")
        opened: Any = super().open(part, mode, pwd, force_zip64=force_zip64)
        return opened  # type: ignore[no-any-return]


def _alike(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
