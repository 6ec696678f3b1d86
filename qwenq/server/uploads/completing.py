"""Complete an upload: its parts are joined, and become a file in one transaction."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

from qwenq.schemas.errors import FilesAway, StoreAway
from qwenq.schemas.service.stored import KeptBytes, Purpose, StoredFile, StoredPart, StoredUpload
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import UploadState
from qwenq.server.refusals import Refused
from qwenq.server.service import Service
from qwenq.server.uploading import Coming, check_utf8
from qwenq.server.uploads.parts import found
from qwenq.server.uploads.requests import Completion
from qwenq.store.files.storage import kept
from qwenq.store.files.stored_files import find_file, insert_file, new_file_id
from qwenq.store.files.uploads import (
    cancel_upload,
    check_pending,
    complete_upload,
    find_upload,
    hold_upload,
    parts_of,
)
from qwenq.store.tenants.audit import note_deed


def complete(
    service: Service, caller: Caller, upload_id: str, wanted: Completion
) -> tuple[StoredUpload, StoredFile | None]:
    """Complete an upload; again: the same upload. Its file may have been deleted since.

    Raises Refused, UploadNotPending, FilesAway, StoreAway.
    """
    with service.store.reading() as connection:
        upload = found(find_upload(connection, caller, upload_id), upload_id)
        if upload.state != UploadState.COMPLETED:
            check_pending(upload)
            parts = _ordered(upload, parts_of(connection, upload), wanted)
    if upload.state == UploadState.COMPLETED:
        return _as_it_is(service, caller, upload_id)
    joined = _join(service, upload, parts, wanted.md5)
    try:
        removed = _publish(service, caller, upload_id, joined)
    except StoreAway:  # nobody knows whether the file exists
        raise
    except BaseException:
        service.storage.remove(joined.id)
        raise
    _remove(service, removed)
    return _as_it_is(service, caller, upload_id)


def cancel(service: Service, caller: Caller, upload_id: str) -> StoredUpload:
    """Cancel an upload; again: the same upload. Raises Refused, UploadNotPending, StoreAway."""
    with service.store.writing() as connection:
        upload = found(hold_upload(connection, caller, upload_id), upload_id)
        parts: Sequence[str] = ()
        if upload.state != UploadState.CANCELLED:
            parts = cancel_upload(connection, upload)
            note_deed(connection, caller.tenant, caller.who, "upload.cancel", upload_id, caller.request_id)
        upload = found(find_upload(connection, caller, upload_id), upload_id)
    _remove(service, parts)
    return upload


def _as_it_is(service: Service, caller: Caller, upload_id: str) -> tuple[StoredUpload, StoredFile | None]:
    with service.store.reading() as connection:
        upload = found(find_upload(connection, caller, upload_id), upload_id)
        return upload, find_file(connection, caller, upload.file_id or "")


def _ordered(upload: StoredUpload, parts: dict[str, StoredPart], wanted: Completion) -> list[StoredPart]:
    """The parts in the order in which they are to be joined. Raises Refused."""
    unknown = next((one for one in wanted.part_ids if one not in parts), None)
    if unknown is not None:
        message = f"The upload has no part '{unknown[:100]}'."
        raise Refused(400, message, param="part_ids", code="invalid_value")
    ordered = [parts[one] for one in wanted.part_ids]
    size = sum(part.size for part in ordered)
    if size != upload.size:
        message = f"The parts have {size:,} bytes, but the upload was created for {upload.size:,}."
        raise Refused(400, message, param="part_ids", code="invalid_value")
    return ordered


def _join(service: Service, upload: StoredUpload, parts: Sequence[StoredPart], md5: str | None) -> KeptBytes:
    """Write the parts one after the other into a new file, which nobody knows yet. Raises Refused, FilesAway."""
    file_id = new_file_id()
    digest = hashlib.md5(usedforsecurity=False)
    with service.storage.incoming(file_id) as incoming:
        coming = Coming(incoming)
        for part in parts:
            for block in service.storage.blocks(part.id):
                coming.write(block)
                digest.update(block)
        coming.write(b"", final=True)
        if md5 is not None and digest.hexdigest() != md5:
            message = f"The MD5 of the joined parts is {digest.hexdigest()}, not {md5}."
            raise Refused(400, message, param="md5", code="invalid_value")
        if upload.purpose is Purpose.BATCH:
            check_utf8(upload.name, coming, param="part_ids")
    return kept(file_id, incoming)


def _publish(service: Service, caller: Caller, upload_id: str, joined: KeptBytes) -> list[str]:
    """Have the file exist, and the upload be completed. Returns what is to be removed from the storage."""
    with service.store.writing() as connection:
        upload = found(hold_upload(connection, caller, upload_id), upload_id)
        if upload.state == UploadState.COMPLETED:  # by the same request, sent twice
            return [joined.id]
        parts = complete_upload(connection, upload, joined.id)
        file = insert_file(
            connection,
            joined,
            upload.tenant,
            upload.owner,
            upload.purpose,
            upload.name,
            upload.file_seconds,
        )
        digest = file.sha256.hex()
        note_deed(connection, caller.tenant, caller.who, "file.create", file.id, caller.request_id, digest)
    return parts


def _remove(service: Service, ids: Sequence[str]) -> None:
    """Remove bytes that nobody knows any more; what stays is swept a day later."""
    for one in ids:
        with suppress(FilesAway):
            service.storage.remove(one)
