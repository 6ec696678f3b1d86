"""A notice that its webhook has not taken, in a sentence."""

from urllib.parse import urlsplit

from qwenq.schemas.schedules import NoticeStatus
from qwenq.schemas.states import NoticeState


def why_refused(notice: NoticeStatus) -> str | None:
    """Why a webhook was not told, and what to do; None where it was, or was not tried yet."""
    if notice.state is NoticeState.SENT or notice.error is None:
        return None
    attempts = "1 attempt" if notice.attempts == 1 else f"{notice.attempts} attempts"
    again = "given up" if notice.state is NoticeState.FAILED else "it is tried again"
    return (
        f"the webhook at {host_of(notice.url)} was not told ({attempts}, {again}): {notice.error}; see to what "
        "listens there, or add the schedule anew with another --webhook"
    )


def host_of(url: str) -> str:
    """Where a URL leads, without its path and query: many webhooks have their secret there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
