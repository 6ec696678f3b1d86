"""Notices: signed, sent once for each run, retried until they are taken."""

import json
import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from qwenq.notices import sending
from qwenq.notices.sending import send_notices
from qwenq.schedules import commands
from qwenq.schedules.troubles import troubles
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import NoticeState
from qwenq.schemas.tables.schedules import notices
from qwenq.store.database.clock import now
from qwenq.store.schedules.notices import PAUSES
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights
from tests.receiving import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on a free port."""
    with receiving() as found:
        yield found


@pytest.fixture
def signed(nights: Nights) -> Nights:
    """Nights with a secret for signatures."""
    nights.settings = nights.settings.model_copy(update={"webhook_secret": SecretStr(SECRET)})
    return nights


def _due_again(nights: Nights) -> None:
    with nights.store.writing() as connection:
        connection.execute(update(notices).values(next_attempt_at=now(-1)))


def test_a_notice_describes_the_run_and_its_signature_verifies(signed: Nights, receiver: Receiver) -> None:
    signed.put("a.jsonl", ["a secret of the document"])
    signed.add(notify=[receiver.url])
    run = signed.night()
    [(headers, body)] = receiver.received
    notice = Webhook(SECRET).verify(body.decode(), headers)
    assert notice == json.loads(body)
    assert notice["type"] == "run.succeeded"
    assert notice["data"]["schedule"] == "nightly"
    assert (notice["data"]["job"], notice["data"]["documents"]) == (run.job_id, 1)
    assert b"a secret" not in body
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode().replace("succeeded", "failed"), headers)


def test_a_failed_run_sends_a_notice(nights: Nights, receiver: Receiver) -> None:
    nights.add(notify=[receiver.url])
    nights.tick()
    [(headers, body)] = receiver.received
    assert json.loads(body)["type"] == "run.failed"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("code", [500, 404, 302])
def test_a_refused_notice_is_retried_with_the_same_id_until_it_is_taken(
    signed: Nights, receiver: Receiver, code: int
) -> None:
    receiver.codes = [code, 200]
    signed.put("a.jsonl", ["one"])
    signed.add(notify=[receiver.url])
    run = signed.night()
    [refused] = commands.show("nightly", signed.settings).notices
    assert (refused.state, refused.attempts) == (NoticeState.WAITING, 1)
    assert str(code) in (refused.error or "")
    assert send_notices(signed.store, signed.settings) == 0, "its pause is not over"
    _due_again(signed)
    assert send_notices(signed.store, signed.settings) == 1
    assert [headers["webhook-id"] for headers, _ in receiver.received] == [*run.notice_keys] * 2
    _due_again(signed)
    assert send_notices(signed.store, signed.settings) == 0, "it was taken"


def test_an_unreachable_webhook_is_given_up_and_does_not_fail_the_run(
    nights: Nights,
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(notify=["http://127.0.0.1:9/nobody"])
    run = nights.night()
    for _ in PAUSES:
        _due_again(nights)
        send_notices(nights.store, nights.settings)
    report = commands.show("nightly", nights.settings)
    [notice] = report.notices
    assert (notice.state, notice.attempts) == (NoticeState.FAILED, len(PAUSES) + 1)
    assert notice.error == "connection refused"
    [trouble] = troubles(nights.settings)
    assert trouble == (
        "schedule nightly: the webhook at http://127.0.0.1:9 did not take the notice (8 attempts, given up): "
        "connection refused; check that server, or give another place with `qwenq schedule edit`"
    )
    assert report.runs[0].state == run.state == "succeeded"
    with nights.store.reading() as connection:
        assert connection.execute(select(notices.c.finished_at)).scalar_one() is not None


def test_notices_of_a_schedule_added_again_have_new_ids(nights: Nights, receiver: Receiver) -> None:
    nights.add(notify=[receiver.url])
    nights.tick()
    commands.remove("nightly", nights.settings)
    nights.add(notify=[receiver.url])
    nights.due_from("nightly", NIGHT + A_DAY)
    nights.tick(NIGHT + A_DAY)
    first, second = (headers["webhook-id"] for headers, _ in receiver.received)
    assert first != second


def test_slow_webhooks_leave_other_notices_to_the_next_tick(
    nights: Nights, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SENDING_SECONDS", 0.0)
    for name in ("a", "b"):
        nights.add(name, notify=[receiver.url])
    assert nights.tick().notices == 1
    assert nights.tick().notices == 1


def test_secrets_of_a_refusing_webhook_are_neither_logged_nor_shown(
    nights: Nights, caplog: pytest.LogCaptureFixture
) -> None:
    nights.add(notify=["http://user:hunter2@127.0.0.1:9/a-token?key=a-key"])
    with caplog.at_level("INFO"):
        nights.tick()
    report = commands.show("nightly", nights.settings)
    [noted] = [vars(record) for record in caplog.records if record.msg == Event.NOTICE_REFUSED]
    assert noted["url"] == "http://127.0.0.1:9/…"
    for text in (str(noted), report.notices[0].error or ""):
        assert not {"hunter2", "a-token", "a-key"} & set(re.split(r"[^\w-]", text))
    for shown in (report, commands.all_schedules(nights.settings)[0]):
        assert shown.schedule.policy.notify == ("http://127.0.0.1:9/…",)
        assert not {"hunter2", "a-token", "a-key"} & set(re.split(r"[^\w-]", shown.model_dump_json()))


def test_the_path_of_a_reached_webhook_is_not_logged(
    nights: Nights, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    nights.add(notify=[f"{receiver.url}/a-token"])
    with caplog.at_level("DEBUG"):
        assert nights.tick().notices == 1
    assert Event.NOTICE_SENT in caplog.messages
    assert not [record for record in caplog.records if "a-token" in str(vars(record))]
