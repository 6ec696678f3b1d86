"""Sends notices to webhooks: signs, posts and retries them.

Signatures follow Standard Webhooks (https://www.standardwebhooks.com): `webhook-signature` is an HMAC-SHA256 over
`webhook-id`, `webhook-timestamp` and the body. A receiver may get an event twice, with the same id.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from qwenq.schedules.refused_notices import host_of
from qwenq.schemas.errors import InvalidParameter, InvalidSetting, reason_of
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import Notice
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.schedules.notices import hold_notice, note_not_sent, note_sent

ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 3.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - the common prefix of secrets, not a secret
LONGEST_REASON = 300
SUCCESS = 2
"""The first digit of a status code that means that the notice was taken."""
SENDING_SECONDS = 5.0
"""After this time a tick leaves the rest to the next: silent webhooks must not block all of beat's threads."""

_log = logging.getLogger("qwenq.schedules")
# At debug level urllib3 logs paths, where webhooks have their secrets.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def check_url(option: str, url: str) -> None:
    """Raise InvalidParameter unless something can be posted to the URL."""
    parts = urlsplit(url)
    try:
        requests.Request("POST", url).prepare()
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except (requests.RequestException, ValueError):
        is_one = False
    if not is_one:
        raise InvalidParameter(
            name=option, reason=f"{url!r} is not the URL of a webhook, such as https://host/path"
        )


def why_unreachable(url: str) -> str | None:
    """Say why this machine cannot reach a webhook now. None if something listens, or if a proxy is used."""
    parts = urlsplit(url)
    if requests.utils.get_environ_proxies(url):
        return None
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return reason_of(error) or type(error).__name__
    return None


def send_notices(store: Store, settings: Settings) -> int:
    """Send notices that are due, for at most SENDING_SECONDS. Returns how many were taken. Raises StoreAway."""
    sent = 0
    ends = time.monotonic() + SENDING_SECONDS
    with requests.Session() as session:
        while (notice := _next_notice(store)) is not None:
            reason = _posted(session, notice, settings)
            sent += reason is None
            _note(store, notice, reason)
            if time.monotonic() >= ends:
                break
    return sent


def headers_of(notice: Notice, secret: bytes | None, timestamp: int) -> Mapping[str, str]:
    """Make the headers of a notice's request, signed if there is a secret."""
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
    """The key to sign notices with; None without one. Raises InvalidSetting."""
    if settings.webhook_secret is None:
        return None
    written = settings.webhook_secret.get_secret_value()
    if not written.startswith(SECRET_PREFIX):
        return written.encode()
    try:
        return base64.b64decode(written.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        reason = f"the text after {SECRET_PREFIX} must be base64"
        raise InvalidSetting(name="QWENQ_WEBHOOK_SECRET", reason=reason) from None


def _next_notice(store: Store) -> Notice | None:
    with store.writing() as connection:
        return hold_notice(connection)


def _posted(session: requests.Session, notice: Notice, settings: Settings) -> str | None:
    """Post a notice. Returns why it was not taken; None if it was."""
    try:
        with session.post(
            notice.url,
            data=notice.body.encode(),
            headers=headers_of(notice, secret_of(settings), int(time.time())),
            timeout=ANSWER_SECONDS,
            # A redirect would turn the post into a get, or send the signature elsewhere.
            allow_redirects=False,
            # Only the status code counts; do not read a body of unknown length.
            stream=True,
        ) as answer:
            return (
                None
                if answer.status_code // 100 == SUCCESS
                else f"it responded {answer.status_code} {answer.reason}"
            )
    except InvalidSetting as error:
        return str(error)
    except (requests.RequestException, ValueError) as error:
        return _reason_of(error, notice.url)[:LONGEST_REASON]


def _reason_of(error: Exception, url: str) -> str:
    """Say why a webhook was not reached, by the system's error if there is one, without the URL's path and query."""
    if (system := _system_error(error)) is not None:
        return reason_of(system)
    cause = getattr(error.args[0] if error.args else None, "reason", None) or error
    return f"{type(error).__name__}: {cause}".replace(url, host_of(url))


def _system_error(error: BaseException) -> OSError | None:
    """The system error at the root of a library's exception."""
    found, below = None, error
    while (below := below.__cause__ or below.__context__) is not None:  # type: ignore[assignment]
        if isinstance(below, OSError) and below.strerror:
            found = below
    return found


def _note(store: Store, notice: Notice, reason: str | None) -> None:
    facts = {"notice": notice.key, "url": host_of(notice.url), "attempt": notice.attempt}
    if reason is None:
        with store.writing() as connection:
            note_sent(connection, notice)
        _log.info(Event.NOTICE_SENT, extra=facts)
        return
    with store.writing() as connection:
        again = note_not_sent(connection, notice, reason)
    event = Event.NOTICE_REFUSED if again else Event.NOTICE_GIVEN_UP
    _log.warning(event, extra={**facts, "reason": reason})
