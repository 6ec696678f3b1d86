"""The bodies of requests about uploads in parts, refused as OpenAI refuses them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwenq.schemas.service.stored import Purpose, UploadRequest
from qwenq.schemas.service.tenants import Caller
from qwenq.server.bodies import text_in, wrong_type
from qwenq.server.limits import MOST_MIME_CHARS, MOST_PARTS, MOST_UPLOAD_BYTES, UPLOAD_PURPOSES
from qwenq.server.queries import bound, kept_seconds
from qwenq.server.refusals import Refused
from qwenq.server.uploading import check_kind, kept_for, most_bytes, shown_name, too_large

_MD5 = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Completion:
    """How an upload is completed: its parts in their order, and the MD5 of all bytes, in hexadecimal, if given."""

    part_ids: tuple[str, ...]
    md5: str | None


def upload_request(body: Mapping[str, Any], caller: Caller) -> UploadRequest:
    """What a body asks for. Raises Refused."""
    purpose = Purpose(text_in(body, "purpose", UPLOAD_PURPOSES))
    name = shown_name(text_in(body, "filename"))
    mime_type = text_in(body, "mime_type")[:MOST_MIME_CHARS]
    size = body.get("bytes")
    if size is None:
        message = "Missing required parameter: 'bytes'."
        raise Refused(400, message, param="bytes", code="missing_required_parameter")
    if not isinstance(size, int) or isinstance(size, bool):
        raise wrong_type("bytes", "an integer", size)
    bound(size, 1, MOST_UPLOAD_BYTES, "bytes")
    if purpose is Purpose.BATCH:
        most = most_bytes(caller, purpose)
        if size > most:
            raise too_large(most, param="bytes")
        check_kind(name, param="filename")
    given = body.get("expires_after")
    if not isinstance(given, dict | None):
        raise wrong_type("expires_after", "an object", given)
    given = given or {}
    seconds = kept_seconds(given.get("anchor"), given.get("seconds"), "expires_after")
    return UploadRequest(purpose, name, mime_type, size, kept_for(purpose, seconds))


def completion(body: Mapping[str, Any]) -> Completion:
    """How a body completes an upload. Raises Refused."""
    given, md5 = body.get("part_ids"), body.get("md5")
    if given is None:
        message = "Missing required parameter: 'part_ids'."
        raise Refused(400, message, param="part_ids", code="missing_required_parameter")
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise wrong_type("part_ids", "an array of strings", given)
    if not given or len(given) > MOST_PARTS or len(set(given)) < len(given):
        message = f"Invalid 'part_ids': expected 1 to {MOST_PARTS:,} ids, each once."
        raise Refused(400, message, param="part_ids", code="invalid_value")
    if not isinstance(md5, str | None):
        raise wrong_type("md5", "a string", md5)
    if md5 and _MD5.fullmatch(md5) is None:
        raise Refused(
            400, "Invalid 'md5': expected 32 hexadecimal digits.", param="md5", code="invalid_value"
        )
    return Completion(tuple(given), md5.lower() if md5 else None)
