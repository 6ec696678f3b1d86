"""Sends notices: signs, posts, mails and retries them.

Signatures of plain webhooks follow Standard Webhooks (https://www.standardwebhooks.com): `webhook-signature` is an
HMAC-SHA256 over `webhook-id`, `webhook-timestamp` and the body. A receiver may get an event twice, with the same id.
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

from qwenq.notices.bodies import body_of, mail_of
from qwenq.notices.mailing import MailServer
from qwenq.notices.posting import connect, post
from qwenq.notices.targets import Kind, Target, shown_url
from qwenq.schemas.errors import InvalidSetting, reason_of
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import Notice
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.schedules.notices import hold_notice, note_not_sent, note_sent
from qwenq.store.tenants.webhooks import SECRET_PREFIX, webhook_secret

CONNECT_SECONDS = 3.0
SENDING_SECONDS = 5.0
"""After this time a tick leaves the rest to the next: silent webhooks must not block all of beat's threads."""

_log = logging.getLogger("qwenq.notices")
# At debug level urllib3 logs paths, where webhooks have their secrets.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def why_unreachable(url: str, settings: Settings) -> str | None:
    """Say why notices cannot reach a target now. None if something listens, or if a proxy is used, or it is mail."""
    target = Target.of(url)
    if target.kind is Kind.MAIL:
        try:
            MailServer.of(settings)
        except InvalidSetting as error:
            return str(error)
        return None
    parts = urlsplit(target.address)
    if requests.utils.get_environ_proxies(target.address):
        return None
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connect(parts.hostname or "", port, CONNECT_SECONDS, settings.webhook_hosts).close()
    except OSError as error:
        return reason_of(error) or type(error).__name__
    return None


def send_notices(store: Store, settings: Settings) -> int:
    """Send notices that are due, for at most SENDING_SECONDS. Returns how many were taken. Raises StoreAway."""
    sent = 0
    ends = time.monotonic() + SENDING_SECONDS
    while (held := _next_notice(store)) is not None:
        notice, secret = held
        reason = _delivered(notice, secret, settings)
        sent += reason is None
        _note(store, notice, reason)
        if time.monotonic() >= ends:
            break
    return sent


def headers_of(notice: Notice, secret: bytes | None, timestamp: int) -> Mapping[str, str]:
    """Make the headers of a plain webhook's request, signed if there is a secret."""
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
    try:
        return _as_key(settings.webhook_secret.get_secret_value())
    except binascii.Error:
        reason = f"the text after {SECRET_PREFIX} must be base64"
        raise InvalidSetting(name="QWENQ_WEBHOOK_SECRET", reason=reason) from None


def _as_key(written: str) -> bytes:
    """The key that a secret stands for. Raises binascii.Error."""
    if not written.startswith(SECRET_PREFIX):
        return written.encode()
    return base64.b64decode(written.removeprefix(SECRET_PREFIX), validate=True)


def _next_notice(store: Store) -> tuple[Notice, str | None] | None:
    """The next notice, and the secret of its tenant, if it is one's."""
    with store.writing() as connection:
        notice = hold_notice(connection)
        if notice is None:
            return None
        return notice, None if notice.tenant is None else webhook_secret(connection, notice.tenant)


def _delivered(notice: Notice, secret: str | None, settings: Settings) -> str | None:
    """Deliver a notice. Returns why it was not taken; None if it was."""
    if notice.tenant is not None and secret is None:
        return f"the tenant {notice.tenant} has no webhook any more"
    target = Target.of(notice.url)
    try:
        if target.kind is Kind.MAIL:
            server = MailServer.of(settings)
            return server.send(mail_of(notice.body, notice.key, server.sender, target.address))
        headers: Mapping[str, str] = {"content-type": "application/json"}
        if target.kind is Kind.WEBHOOK:
            signing = secret_of(settings) if secret is None else _as_key(secret)
            headers = headers_of(notice, signing, int(time.time()))
    except InvalidSetting as error:
        return str(error)
    return post(target.address, body_of(target.kind, notice.body), headers, settings.webhook_hosts)


def _note(store: Store, notice: Notice, reason: str | None) -> None:
    facts = {"notice": notice.key, "url": shown_url(notice.url), "attempt": notice.attempt}
    if reason is None:
        with store.writing() as connection:
            note_sent(connection, notice)
        _log.info(Event.NOTICE_SENT, extra=facts)
        return
    with store.writing() as connection:
        again = note_not_sent(connection, notice, reason)
    event = Event.NOTICE_REFUSED if again else Event.NOTICE_GIVEN_UP
    _log.warning(event, extra={**facts, "reason": reason})
