"""Upload a file: streamed, hashed, bounded, and there whole or not at all."""

import codecs
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

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
from qwenq.server.threads import in_storing_thread
from qwenq.store.files.storage import IncomingFile, kept
from qwenq.store.files.stored_files import insert_file, new_file_id
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.bounds import check_new_file
from qwenq.store.tenants.tenants import find_tenant

T = TypeVar("T")
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

    async def receiving(coming: Coming) -> _Described:
        await receive(request, form, coming, lambda: _most_so_far(form, caller), "file")
        return _described(form, coming, caller)

    bytes_kept, described = await keep_while(service, new_file_id(), receiving)
    return await run_in_threadpool(_note, service, caller, described, bytes_kept)


async def keep_while(
    service: Service, file_id: str, receiving: Callable[["Coming"], Awaitable[T]]
) -> tuple[KeptBytes, T]:
    """Keep the bytes that are written while they are received, and what was received of them; or nothing stays.

    Raises FilesAway and what receiving raises.
    """
    incoming = service.storage.incoming(file_id)
    coming = Coming(await in_storing_thread(incoming.__enter__))
    try:
        received = await receiving(coming)
    except BaseException as error:
        # Shielded: the task may be cancelled, and the bytes must go. A bucket may take seconds for that.
        with CancelScope(shield=True):
            await in_storing_thread(incoming.__exit__, type(error), error, error.__traceback__)
        raise
    await in_storing_thread(incoming.__exit__, None, None, None)
    return kept(file_id, coming.file), received


def _check_room(service: Service, caller: Caller, size: int) -> None:
    """Refuse early what would not fit. Raises BoundReached."""
    with service.store.reading() as connection:
        check_new_file(connection, caller, find_tenant(connection, caller.tenant), size)


def most_bytes(caller: Caller, purpose: Purpose) -> float:
    """How many bytes a file for this purpose may have."""
    if purpose is not Purpose.BATCH:
        return MOST_FILE_BYTES
    most = caller.bounds.narrower(caller.tenant_bounds).batch_bytes
    return math.inf if most is None else most


def _most_so_far(form: Form, caller: Caller) -> float:
    """How many bytes the file of a form may have, as far as its fields came; a file may come before its purpose."""
    if "purpose" not in form.fields:
        return max(most_bytes(caller, Purpose.BATCH), MOST_FILE_BYTES)
    is_batch = form.fields["purpose"] == Purpose.BATCH
    return most_bytes(caller, Purpose.BATCH) if is_batch else MOST_FILE_BYTES


@dataclass(slots=True)
class Coming:
    """The bytes on their way into the storage, and whether they are UTF-8 so far."""

    file: IncomingFile
    is_utf8: bool = True
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def write(self, data: bytes, *, final: bool = False) -> None:
        """Add bytes; `final`: the last ones. Raises FilesAway."""
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


async def receive(
    request: Request, form: Form, coming: Coming, most: Callable[[], float], param: str
) -> None:
    """Write the file of a form while it arrives. Raises Refused: broken off, or of more than `most` bytes."""
    try:
        async for piece in request.stream():
            form.add(piece)
            data = b"".join(form.taken())
            if data:
                await in_storing_thread(coming.write, data)
            if coming.file.size > most():
                raise too_large(most(), param)
    except ClientDisconnect:
        raise Refused(400, "The upload was broken off.") from None
    form.end()
    coming.write(b"", final=True)


def _described(form: Form, coming: Coming, caller: Caller) -> _Described:
    """Check the fields of a whole form. Raises Refused."""
    fields = form.fields
    if fields.get("purpose") not in UPLOAD_PURPOSES:
        raise one_of("purpose", fields.get("purpose"), UPLOAD_PURPOSES)
    purpose = Purpose(fields["purpose"])
    if form.file is None:
        raise Refused(
            400, "Missing required parameter: 'file'.", param="file", code="missing_required_parameter"
        )
    name = shown_name(form.file.name)
    seconds = kept_seconds(
        fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]"), "expires_after"
    )
    most = most_bytes(caller, purpose)
    if coming.file.size > most:
        raise too_large(most)
    if purpose is Purpose.BATCH:
        check_kind(name)
        check_utf8(name, coming)
    return _Described(purpose, name, kept_for(purpose, seconds))


def kept_for(purpose: Purpose, seconds: int | None) -> int | None:
    """How long a file is kept for which its client gave these seconds, or none."""
    return BATCH_FILE_SECONDS if seconds is None and purpose is Purpose.BATCH else seconds


def check_kind(name: str, param: str = "file") -> None:
    """Raise Refused for the name of another kind of file than batches take."""
    if not _has_lines(name) and known_format(name) not in _ROWS:
        raise Refused(400, "Invalid file format for Batch API. Must be .jsonl", param=param)


def check_utf8(name: str, coming: Coming, param: str = "file") -> None:
    """Raise Refused for a batch's lines in another encoding."""
    if _has_lines(name) and not coming.is_utf8:
        raise Refused(400, "Invalid file for Batch API. Must be utf-8 encoded", param=param)


def _has_lines(name: str) -> bool:
    return "." not in name or name.lower().endswith(_ENDING)


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


def shown_name(given: str) -> str:
    """The last part of a file's name, as a text that can be shown."""
    return visible_line(given.replace("\\", "/").rpartition("/")[2])[:_NAME_CHARS] or _UNNAMED


def too_large(most: float, param: str = "file") -> Refused:
    """The refusal of a file, or a part of one, with more bytes."""
    return Refused(400, f"File is too large. It may have {most:,} bytes.", param=param, code="file_too_large")
