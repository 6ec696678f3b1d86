"""An object of S3 in the making: parts are sent as they fill, and few at once, so that memory stays flat.

s3fs has a file for that, too. It keeps each part in memory several times over, and completes the object at its close,
also after an exception.
"""

import io
import mmap
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PART_BYTES = 5 << 20
"""Of an upload in parts. The least that S3 takes."""
PARTS_AT_ONCE = 4
"""How many parts a process sends at once; the others wait in memory, one for each file."""
_sending = threading.Semaphore(PARTS_AT_ONCE)


class Part(io.RawIOBase):
    """Bytes that are collected, then read again, once or more often.

    In a map of their own, which the system gets back at once: freed blocks of this size stay with the process.
    """

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, PART_BYTES)
        self._place = 0
        self.size = 0

    def add(self, data: memoryview) -> int:
        """Add as many of these bytes as fit. Returns how many."""
        taken = min(len(data), PART_BYTES - self.size)
        self._map[self.size : self.size + taken] = data[:taken]
        self.size += taken
        return taken

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read again: the client does so to sign it, and to repeat it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        found = self._map[self._place : min(self.size, self._place + len(buffer))]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()
        super().close()


class S3Writing:
    """Sends an object in parts; a small one at once. It is there when all of it is."""

    def __init__(self, filesystem: "AbstractFileSystem", path: str) -> None:
        self._filesystem = filesystem
        self._path = path
        bucket, _, key = path.partition("/")
        self._object = {"Bucket": bucket, "Key": key}
        self._part = Part()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []
        self._completing = False

    def write(self, data: bytes) -> None:
        """Add bytes."""
        left = memoryview(data)
        while left:
            left = left[self._part.add(left) :]
            if self._part.size == PART_BYTES:
                self._send_part()
                self._part = Part()

    def keep(self) -> None:
        """Complete the object."""
        self._completing = True
        if not self._upload:
            self._send("put_object")
            return
        if self._part.size:
            self._send_part()
        self._filesystem.call_s3(
            "complete_multipart_upload",
            **self._object,
            **self._upload,
            MultipartUpload={"Parts": self._parts},
        )

    def drop(self) -> None:
        """Abort the upload, so that none of its parts stays."""
        self._part.close()
        try:
            if self._upload:
                self._filesystem.call_s3("abort_multipart_upload", **self._object, **self._upload)
        finally:
            if self._completing:  # it may have been completed, although the answer did not come
                self._filesystem.rm_file(self._path)

    def _send_part(self) -> None:
        if not self._upload:
            begun = self._filesystem.call_s3("create_multipart_upload", **self._object)
            self._upload = {"UploadId": begun["UploadId"]}
        number = len(self._parts) + 1
        sent = self._send("upload_part", PartNumber=number, **self._upload)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def _send(self, call: str, **more: Any) -> Any:
        """Send the part so far."""
        with _sending, self._part as body:
            return self._filesystem.call_s3(call, **self._object, Body=body, **more)
