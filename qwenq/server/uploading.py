"""Upload a file: streamed, hashed, bounded, and there whole or not at all."""

import codecs
import math
from dataclasses import dataclass, field

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from qwenq.producer.reading.formats import Format, known_format
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.service.stored import KeptBytes, Purpose, StoredFile
from qwenq.schemas.service.tenants import Caller
from qwenq.server.forms import Form
from qwenq.server.limits import BATCH_FILE_SECONDS, MOST_FILE_BYTES, UPLOAD_PURPOSES
from qwenq.server.queries import kept_seconds, one_of
from qwenq.server.refusals import Refused
from qwenq.server.service import Service
from qwenq.store.files.storage import IncomingFile, kept
from qwenq.store.files.stored_files import insert_file, new_file_id
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.bounds import check_new_file
from qwenq.store.tenants.tenants import find_tenant

_UNNAMED = "upload"
_ENDING = ".jsonl"
_ROWS = frozenset(Format) - {Format.JSONL, Format.TEXT}
"""Formats that a batch reads with qwenq's own fields."""
_NAME_CHARS = 255
FORM_BYTES = 65_536
"""How much of a form may be something else than its file, when its file's size is guessed."""


async def upload(request: Request, service: Service, caller: Caller) -> StoredFile:
    """Store the file of a request. Raises Refused, FilesAway and StoreAway; only after StoreAway may bytes be left."""
    form = Form(request.headers.get("content-type", ""), "file")
    declared = request.headers.get("content-length", "")
    expected = max(0, int(declared) - FORM_BYTES) if declared.isdecimal() else 0
    await run_in_threadpool(_check_room, service, caller, expected)
    file_id = new_file_id()
    incoming = service.storage.incoming(file_id)
    coming = _Coming(await run_in_threadpool(incoming.__enter__))
    try:
        await _receive(request, form, coming, caller)
        described = _described(form, coming, caller)
    except BaseException as error:
        # Shielded: the task may be cancelled, and the bytes must go. A bucket may take seconds for that.
        with CancelScope(shield=True):
            await run_in_threadpool(incoming.__exit__, type(error), error, error.__traceback__)
        raise
    await run_in_threadpool(incoming.__exit__, None, None, None)
    return await run_in_threadpool(_note, service, caller, described, kept(file_id, coming.file))


def _check_room(service: Service, caller: Caller, size: int) -> None:
    """Refuse early what would not fit. Raises BoundReached."""
    with service.store.reading() as connection:
        check_new_file(connection, caller, find_tenant(connection, caller.tenant), size)


def _most_bytes(caller: Caller, *, is_batch: bool) -> float:
    if not is_batch:
        return MOST_FILE_BYTES
    most = caller.bounds.narrower(caller.tenant_bounds).batch_bytes
    return math.inf if most is None else most


@dataclass(slots=True)
class _Coming:
    """The bytes on their way into the storage, and whether they are UTF-8 so far."""

    file: IncomingFile
    is_utf8: bool = True
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def write(self, data: bytes, *, final: bool = False) -> None:
        self.file.write(data)
        if self.is_utf8:
            try:
                self._decoder.decode(data, final)
            except UnicodeDecodeError:
                self.is_utf8 = False


@dataclass(frozen=True, slots=True)
class _Described:
    """What a form says about its file."""

    purpose: Purpose
    name: str
    valid_seconds: int | None


async def _receive(request: Request, form: Form, coming: _Coming, caller: Caller) -> None:
    """Write the file of a form while it arrives."""
    try:
        async for piece in request.stream():
            form.add(piece)
            data = b"".join(form.taken())
            if data:
                await run_in_threadpool(coming.write, data)
            # A file may come before its purpose.
            is_batch = form.fields.get("purpose", Purpose.BATCH) == Purpose.BATCH
            most = _most_bytes(caller, is_batch=is_batch)
            if "purpose" not in form.fields:
                most = max(most, MOST_FILE_BYTES)
            if coming.file.size > most:
                raise _too_large(most)
    except ClientDisconnect:
        raise Refused(400, "The upload was broken off.") from None
    form.end()
    coming.write(b"", final=True)


def _described(form: Form, coming: _Coming, caller: Caller) -> _Described:
    """Check the fields of a whole form. Raises Refused."""
    fields = form.fields
    if fields.get("purpose") not in UPLOAD_PURPOSES:
        raise one_of("purpose", fields.get("purpose"), UPLOAD_PURPOSES)
    purpose = Purpose(fields["purpose"])
    if form.file is None:
        raise Refused(
            400, "Missing required parameter: 'file'.", param="file", code="missing_required_parameter"
        )
    name = _name(form.file.name)
    seconds = kept_seconds(
        fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]"), "expires_after"
    )
    most = _most_bytes(caller, is_batch=purpose is Purpose.BATCH)
    if coming.file.size > most:
        raise _too_large(most)
    if purpose is Purpose.BATCH:
        has_lines = "." not in name or name.lower().endswith(_ENDING)
        if not has_lines and known_format(name) not in _ROWS:
            raise Refused(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
        if has_lines and not coming.is_utf8:
            raise Refused(400, "Invalid file for Batch API. Must be utf-8 encoded", param="file")
        seconds = BATCH_FILE_SECONDS if seconds is None else seconds
    return _Described(purpose, name, seconds)


def _note(service: Service, caller: Caller, described: _Described, bytes_kept: KeptBytes) -> StoredFile:
    """Have the file exist, from one transaction on. Raises BoundReached."""
    try:
        return _insert(service, caller, described, bytes_kept)
    except StoreAway:  # nobody knows whether the file exists
        raise
    except BaseException:
        service.storage.remove(bytes_kept.id)
        raise


def _insert(service: Service, caller: Caller, described: _Described, bytes_kept: KeptBytes) -> StoredFile:
    with service.store.writing() as connection:
        tenant = find_tenant(connection, caller.tenant, lock=True)
        check_new_file(connection, caller, tenant, bytes_kept.size)
        file = insert_file(
            connection,
            bytes_kept,
            caller.tenant,
            caller.owner,
            described.purpose,
            described.name,
            described.valid_seconds,
        )
        digest = file.sha256.hex()
        note_deed(connection, caller.tenant, caller.who, "file.create", file.id, caller.request_id, digest)
    return file


def _name(given: str) -> str:
    """The last part of a file's name, as a text that can be shown."""
    return visible_line(given.replace("\\", "/").rpartition("/")[2])[:_NAME_CHARS] or _UNNAMED


def _too_large(most: float) -> Refused:
    return Refused(
        400, f"File is too large. It may have {most:,} bytes.", param="file", code="file_too_large"
    )
