"""Notices to webhooks: signed, posted, and tried again until they are taken.

Signed as Standard Webhooks have it (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, an HMAC-SHA256 over all three and the body. A receiver may hear of one event twice, under one id.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from schemas.errors import InvalidParameter, InvalidSetting
from schemas.events import Event
from schemas.schedules import Notice
from schemas.settings import Settings, without_passwords
from store.database import Store
from store.notices import note_not_sent, note_sent, take_notice

ANSWER_SECONDS = 10.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - what all secrets begin with
LONGEST_REASON = 300

_log = logging.getLogger("qwenq.schedules")


def check_url(option: str, url: str) -> None:
    """Raise InvalidParameter for what nothing can be posted to."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidParameter(
            name=option, reason=f"{url!r} is not the URL of a webhook, such as https://host/path"
        )


def send_notices(store: Store, settings: Settings) -> int:
    """Send all notices that are due. Returns how many were taken by their webhooks. Raises StoreAway."""
    sent = 0
    with requests.Session() as session:
        while (notice := _taken(store)) is not None:
            reason = _posted(session, notice, settings)
            sent += reason is None
            _note(store, notice, reason)
    return sent


def headers_of(notice: Notice, secret: bytes | None, timestamp: int) -> Mapping[str, str]:
    """What a notice's request says of itself; it is signed where there is a secret."""
    headers = {
        "content-type": "application/json",
        "webhook-id": notice.key,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        signed = f"{notice.key}.{timestamp}.{notice.body}".encode()
        digest = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        headers["webhook-signature"] = f"v1,{digest}"
    return headers


def secret_of(settings: Settings) -> bytes | None:
    """The key that notices are signed with. Raises InvalidSetting."""
    if settings.webhook_secret is None:
        return None
    written = settings.webhook_secret.get_secret_value()
    if not written.startswith(SECRET_PREFIX):
        return written.encode()
    try:
        return base64.b64decode(written.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        reason = f"what follows {SECRET_PREFIX} must be base64"
        raise InvalidSetting(name="QWENQ_WEBHOOK_SECRET", reason=reason) from None


def _taken(store: Store) -> Notice | None:
    with store.writing() as connection:
        return take_notice(connection)


def _posted(session: requests.Session, notice: Notice, settings: Settings) -> str | None:
    """Post a notice. Returns why it was not taken, None if it was."""
    try:
        answer = session.post(
            notice.url,
            data=notice.body.encode(),
            headers=headers_of(notice, secret_of(settings), int(time.time())),
            timeout=ANSWER_SECONDS,
            # A redirection would turn the post into a get, or carry the signature elsewhere.
            allow_redirects=False,
        )
    except InvalidSetting as error:
        return str(error)
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    return (
        None if answer.ok and not answer.is_redirect else f"it answered {answer.status_code} {answer.reason}"
    )


def _note(store: Store, notice: Notice, reason: str | None) -> None:
    facts = {"notice": notice.key, "url": without_passwords(notice.url), "attempt": notice.attempt}
    if reason is None:
        with store.writing() as connection:
            note_sent(connection, notice)
        _log.info(Event.NOTICE_SENT, extra=facts)
        return
    with store.writing() as connection:
        again = note_not_sent(connection, notice, reason)
    event = Event.NOTICE_REFUSED if again else Event.NOTICE_GIVEN_UP
    _log.warning(event, extra={**facts, "reason": reason})
