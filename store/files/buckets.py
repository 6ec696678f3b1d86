"""Bytes in a bucket of S3 or Google Cloud Storage, over fsspec: an object is there once its upload is completed."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwenq.schemas.errors import MissingExtra
from qwenq.schemas.machine.installation import with_extra
from qwenq.store.files.places import Writing
from qwenq.store.files.s3_writing import PART_BYTES, S3Writing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The protocols of buckets, with the extra of qwenq that installs their package."""
READ_BYTES = 4 << 20
_KEPT = "kept"
# A bucket that is away is refused within seconds; S3's own client would wait for minutes.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 30,
            "retries": {"mode": "standard", "max_attempts": 3},
            # Many servers that speak S3 know no other checksums than MD5 and SHA-256.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        "max_concurrency": 1,
    },
    "gcs": {"timeout": 30},
}


class ObjectWriting:
    """An object of Google's in the making."""

    def __init__(self, filesystem: "AbstractFileSystem", path: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._stream = filesystem.open(path, "wb", block_size=PART_BYTES)
        self._completing = False

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._stream.write(data)

    def keep(self) -> None:
        """Complete the upload."""
        self._completing = True
        self._stream.close()

    def drop(self) -> None:
        """Abort the upload, so that none of its parts stays."""
        # Not close(), which would complete it; and so would the end of the object.
        try:
            self._stream.discard()
        finally:
            self._stream.closed = True
        if self._completing:  # it may have been completed, although the answer did not come
            self._filesystem.rm_file(self._path)


class Bucket:
    """A folder in a bucket."""

    def __init__(self, filesystem: "AbstractFileSystem", root: str) -> None:
        self._filesystem = filesystem
        self._kept = f"{root.rstrip('/')}/{_KEPT}"
        self._is_s3 = "s3" in filesystem.protocol

    @classmethod
    def of(cls, url: str) -> "Bucket":
        """The bucket behind a URL. Its credentials are found as S3's and Google's own tools find them.

        Raises MissingExtra, and ValueError for a damaged URL.
        """
        from fsspec.core import url_to_fs

        extra = EXTRAS[url.partition("://")[0].lower()]
        try:
            # Other processes write, too: no list of files is remembered.
            filesystem, root = url_to_fs(
                url, use_listings_cache=False, skip_instance_cache=True, **_OPTIONS[extra]
            )
        except ImportError:
            raise MissingExtra(what=f"QWENQ_FILES_URL={url}", requirement=with_extra(extra)) from None
        return cls(filesystem, str(root))

    def begin(self, name: str) -> Writing:
        """Begin to write."""
        path = f"{self._kept}/{name}"
        return S3Writing(self._filesystem, path) if self._is_s3 else ObjectWriting(self._filesystem, path)

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes, a block at a time."""
        with self._filesystem.open(
            f"{self._kept}/{name}", "rb", block_size=READ_BYTES, cache_type="none"
        ) as stream:
            while block := stream.read(READ_BYTES):
                yield block

    def size(self, name: str) -> int:
        """How many bytes."""
        return int(self._filesystem.size(f"{self._kept}/{name}"))

    def remove(self, name: str) -> None:
        """Remove an object; one that is gone is no error to S3."""
        self._filesystem.rm_file(f"{self._kept}/{name}")

    def older(self, moment: float) -> Iterator[str]:
        """The names of objects from before a moment; uploads in parts from before are aborted."""
        if self._is_s3:
            # Google drops them after a week by itself. A key may lack the right to list them.
            with contextlib.suppress(PermissionError):
                self._abort_older(moment)
        for path, found in self._filesystem.find(self._kept, detail=True).items():
            if _moment(found) < moment:
                yield path.rpartition("/")[2]

    def _abort_older(self, moment: float) -> None:
        bucket, _, prefix = self._kept.partition("/")
        asked = {"Bucket": bucket, "Prefix": prefix + "/"}
        while True:
            page = self._filesystem.call_s3("list_multipart_uploads", **asked)
            for upload in page.get("Uploads", ()):
                if upload["Initiated"].timestamp() < moment:
                    self._filesystem.abort_mpu(bucket, upload["Key"], upload["UploadId"])
            if not page.get("IsTruncated"):
                return
            asked |= {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def _moment(found: Mapping[str, Any]) -> float:
    """When an object was made, in seconds since 1970; one that does not tell is new."""
    made = found.get("LastModified", found.get("mtime"))
    return made.timestamp() if isinstance(made, datetime) else float("inf")
