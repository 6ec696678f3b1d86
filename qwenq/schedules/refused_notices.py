"""Notices that their webhook did not take, in a sentence."""

from urllib.parse import urlsplit

from qwenq.schemas.schedules import NoticeStatus
from qwenq.schemas.states import NoticeState
from qwenq.wording.numbers import counted


def why_refused(notice: NoticeStatus) -> str | None:
    """Say why a webhook did not take a notice, and what to do. None if it did, or has not been tried."""
    if notice.state is NoticeState.SENT or notice.error is None:
        return None
    attempts = counted(notice.attempts, "attempt")
    again = "given up" if notice.state is NoticeState.FAILED else "it will be retried"
    return (
        f"the webhook at {host_of(notice.url)} did not take the notice ({attempts}, {again}): {notice.error}; check "
        "that server, or remove the schedule and add it with another --webhook"
    )


def host_of(url: str) -> str:
    """The scheme and host of a URL. Its path and query are left out, because many webhooks have their secret there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def shown_url(url: str) -> str:
    """A URL to show: its scheme and host, and `/…` for the rest."""
    parts = urlsplit(url)
    return host_of(url) + ("/…" if parts.path.strip("/") or parts.query else "")
