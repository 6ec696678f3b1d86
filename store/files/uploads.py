"""Uploads in parts, as the store knows them. An upload is locked before its parts change."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from qwenq.schemas.errors import UploadNotPending
from qwenq.schemas.service.stored import KeptBytes, Purpose, StoredPart, StoredUpload, UploadRequest
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import UploadState
from qwenq.schemas.tables.service import upload_parts, uploads
from qwenq.store.database.clock import now
from qwenq.store.tenants.tenants import hold_tenant

FORGOTTEN_SECONDS = 86_400.0
"""How long an upload that has ended is known."""

_is_over = (uploads.c.state == UploadState.PENDING) & (uploads.c.expires_at <= now())
_state = case((_is_over, literal(UploadState.EXPIRED.value)), else_=uploads.c.state).label("state_now")


def new_part_id() -> str:
    """An id that nobody can guess."""
    return f"part_{secrets.token_hex(12)}"


def insert_upload(
    connection: Connection, caller: Caller, request: UploadRequest, valid_seconds: float
) -> StoredUpload:
    """Begin an upload, which waits for its parts for so many seconds. Raises UnknownTenant, TenantErasing."""
    hold_tenant(connection, caller.tenant)
    upload_id = f"upload_{secrets.token_hex(12)}"
    connection.execute(
        insert(uploads).values(
            id=upload_id,
            tenant=caller.tenant,
            owner=caller.owner,
            state=UploadState.PENDING,
            purpose=request.purpose,
            name=request.name,
            mime_type=request.mime_type,
            bytes=request.size,
            file_seconds=request.file_seconds,
            created_at=now(),
            expires_at=now(valid_seconds),
        )
    )
    query = select(*uploads.c, _state).where(uploads.c.id == upload_id)
    return _as_upload(connection.execute(query).one())


def find_upload(connection: Connection, caller: Caller, upload_id: str) -> StoredUpload | None:
    """An upload that exists for the caller."""
    query = select(*uploads.c, _state).where(_exists_for(caller), uploads.c.id == upload_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _as_upload(row)


def hold_upload(connection: Connection, caller: Caller, upload_id: str) -> StoredUpload | None:
    """Lock an upload for this transaction, and return it. None: it does not exist for the caller."""
    locked = select(uploads.c.number).where(_exists_for(caller), uploads.c.id == upload_id).with_for_update()
    connection.execute(locked)
    return find_upload(connection, caller, upload_id)


def insert_part(
    connection: Connection, upload: StoredUpload, kept: KeptBytes, most: int
) -> StoredPart | None:
    """Note a part whose bytes are in the storage. None: the parts would have more than `most` bytes.

    The caller holds the upload. Raises UploadNotPending.
    """
    check_pending(upload)
    query = select(func.coalesce(func.sum(upload_parts.c.bytes), 0)).where(_is_of(upload))
    if connection.execute(query).scalar_one() + kept.size > most:
        return None
    row = connection.execute(
        insert(upload_parts)
        .values(id=kept.id, upload_number=upload.number, bytes=kept.size, created_at=now())
        .returning(*upload_parts.c)
    ).one()
    return StoredPart(row.id, upload.id, row.bytes, row.created_at)


def parts_of(connection: Connection, upload: StoredUpload) -> dict[str, StoredPart]:
    """The parts of an upload, by id."""
    rows = connection.execute(select(upload_parts).where(_is_of(upload)))
    return {row.id: StoredPart(row.id, upload.id, row.bytes, row.created_at) for row in rows}


def complete_upload(connection: Connection, upload: StoredUpload, file_id: str) -> list[str]:
    """Note that an upload became a file. Returns the ids of its parts, whose bytes are to be removed.

    The caller holds the upload. Raises UploadNotPending.
    """
    check_pending(upload)
    connection.execute(
        update(uploads).where(uploads.c.id == upload.id).values(state=UploadState.COMPLETED, file_id=file_id)
    )
    return _delete_parts(connection, [upload.number])


def cancel_upload(connection: Connection, upload: StoredUpload) -> list[str]:
    """Cancel an upload. Returns the ids of its parts, whose bytes are to be removed.

    The caller holds the upload. Raises UploadNotPending.
    """
    check_pending(upload)
    connection.execute(update(uploads).where(uploads.c.id == upload.id).values(state=UploadState.CANCELLED))
    return _delete_parts(connection, [upload.number])


def expire_uploads(connection: Connection, most: int) -> tuple[int, list[str]]:
    """Expire uploads whose time is over, and forget those that ended long ago.

    Returns how many expired, and the ids of their parts, whose bytes are to be removed.
    """
    some = select(uploads.c.number).where(_is_over).limit(most)
    expired = update(uploads).where(uploads.c.number.in_(some)).values(state=UploadState.EXPIRED)
    numbers = connection.execute(expired.returning(uploads.c.number)).scalars().all()
    long_ago = uploads.c.expires_at < now(-FORGOTTEN_SECONDS)
    parts = _delete_parts(connection, numbers)
    connection.execute(delete(uploads).where(uploads.c.state != UploadState.PENDING, long_ago))
    return len(numbers), parts


def check_pending(upload: StoredUpload) -> None:
    """Raise UploadNotPending for an upload that takes no more parts."""
    if upload.state != UploadState.PENDING:
        raise UploadNotPending(upload_id=upload.id, state=upload.state)


def _is_of(upload: StoredUpload) -> ColumnElement[bool]:
    return upload_parts.c.upload_number == upload.number


def _delete_parts(connection: Connection, numbers: Sequence[int]) -> list[str]:
    deleted = delete(upload_parts).where(upload_parts.c.upload_number.in_(numbers))
    return list(connection.execute(deleted.returning(upload_parts.c.id)).scalars())


def _exists_for(caller: Caller) -> ColumnElement[bool]:
    mine = uploads.c.tenant == caller.tenant
    return mine & (uploads.c.owner == caller.owner) if caller.sees_only_own else mine


def _as_upload(row: Any) -> StoredUpload:
    return StoredUpload(
        number=row.number,
        id=row.id,
        tenant=row.tenant,
        owner=row.owner,
        state=UploadState(row.state_now),
        purpose=Purpose(row.purpose),
        name=row.name,
        size=row.bytes,
        file_seconds=row.file_seconds,
        file_id=row.file_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
