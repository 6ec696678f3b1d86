"""Notices that did not arrive, in a sentence."""

from qwenq.notices.targets import Kind, Target
from qwenq.schemas.schedules import NoticeStatus
from qwenq.schemas.states import NoticeState
from qwenq.wording.numbers import counted


def why_refused(
    notice: NoticeStatus, remedy: str = "give another place with `qwenq schedule edit`"
) -> str | None:
    """Say why a notice did not arrive, and what to do. None if it did, or has not been tried."""
    if notice.state is NoticeState.SENT or notice.error is None:
        return None
    attempts = counted(notice.attempts, "attempt")
    again = "given up" if notice.state is NoticeState.FAILED else "it will be retried"
    target = Target.of(notice.url)
    said = f"{attempts}, {again}): {notice.error}; check that server, or {remedy}"
    if target.kind is Kind.MAIL:
        return f"the notice was not mailed to {target.address} ({said}"
    return f"the {target.shown} did not take the notice ({said}"
