"""Notices: signed as receivers expect it, told once for each run, tried again until they are taken."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from qwenq.schedules import commands, webhooks
from qwenq.schedules.troubles import troubles
from qwenq.schedules.webhooks import send_notices
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import NoticeState
from qwenq.schemas.tables.schedules import notices
from qwenq.store.database.clock import now
from qwenq.store.schedules.notices import PAUSES
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """A server that hears of notices, and answers with these codes in turn, the last for ever."""

    url: str
    codes: list[int]
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard = {name.lower(): value for name, value in self.headers.items()}
            hearing.heard.append((heard, body))
            code = hearing.codes.pop(0) if len(hearing.codes) > 1 else hearing.codes[0]
            self.send_response(code)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hearing = Receiver(f"http://127.0.0.1:{server.server_port}/hook", [200])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hearing
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def signed(nights: Nights) -> Nights:
    """With a secret to sign by."""
    nights.settings = nights.settings.model_copy(update={"webhook_secret": SecretStr(SECRET)})
    return nights


def _due_again(nights: Nights) -> None:
    with nights.store.writing() as connection:
        connection.execute(update(notices).values(next_attempt_at=now(-1)))


def test_a_notice_tells_how_the_run_went_and_its_signature_is_verified_by_the_standards_own_library(
    signed: Nights, receiver: Receiver
) -> None:
    signed.put("a.jsonl", ["a secret of the document"])
    signed.add(webhook=receiver.url)
    run = signed.night()
    [(headers, body)] = receiver.heard
    told = Webhook(SECRET).verify(body.decode(), headers)
    assert told == json.loads(body)
    assert told["type"] == "run.succeeded"
    assert told["data"]["schedule"] == "nightly"
    assert (told["data"]["job"], told["data"]["documents"]) == (run.job_id, 1)
    assert b"a secret" not in body
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode().replace("succeeded", "failed"), headers)


def test_a_run_that_comes_to_nothing_is_told_too(nights: Nights, receiver: Receiver) -> None:
    nights.add(webhook=receiver.url)
    nights.tick()
    [(headers, body)] = receiver.heard
    assert json.loads(body)["type"] == "run.failed"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("code", [500, 404, 302])
def test_what_is_not_taken_is_tried_again_under_the_same_id_until_it_is(
    signed: Nights, receiver: Receiver, code: int
) -> None:
    receiver.codes = [code, 200]
    signed.put("a.jsonl", ["one"])
    signed.add(webhook=receiver.url)
    run = signed.night()
    [refused] = commands.show("nightly", signed.settings).notices
    assert (refused.state, refused.attempts) == (NoticeState.WAITING, 1)
    assert str(code) in (refused.error or "")
    assert send_notices(signed.store, signed.settings) == 0, "its pause is not over"
    _due_again(signed)
    assert send_notices(signed.store, signed.settings) == 1
    assert [headers["webhook-id"] for headers, _ in receiver.heard] == [run.notice_key] * 2
    _due_again(signed)
    assert send_notices(signed.store, signed.settings) == 0, "it was taken"


def test_an_unreachable_webhook_is_given_up_in_the_end_and_the_run_succeeded_all_the_same(
    nights: Nights,
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(webhook="http://127.0.0.1:9/nobody")
    run = nights.night()
    for _ in PAUSES:
        _due_again(nights)
        send_notices(nights.store, nights.settings)
    report = commands.show("nightly", nights.settings)
    [notice] = report.notices
    assert (notice.state, notice.attempts) == (NoticeState.FAILED, len(PAUSES) + 1)
    assert notice.error == "connection refused"
    [told] = troubles(nights.settings)
    assert told == (
        "schedule nightly: the webhook at http://127.0.0.1:9 was not told (8 attempts, given up): connection refused; "
        "see to what listens there, or add the schedule anew with another --webhook"
    )
    assert report.runs[0].state == run.state == "succeeded"
    with nights.store.reading() as connection:
        assert connection.execute(select(notices.c.finished_at)).scalar_one() is not None


def test_the_run_of_a_new_schedule_is_told_though_an_earlier_one_had_its_id(
    nights: Nights, receiver: Receiver
) -> None:
    nights.add(webhook=receiver.url)
    nights.tick()
    commands.remove("nightly", nights.settings)
    nights.add(webhook=receiver.url)
    nights.due_from("nightly", NIGHT + A_DAY)
    nights.tick(NIGHT + A_DAY)
    first, second = (headers["webhook-id"] for headers, _ in receiver.heard)
    assert first != second


def test_webhooks_that_take_long_leave_the_rest_to_the_next_tick(
    nights: Nights, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "SENDING_SECONDS", 0.0)
    for name in ("a", "b"):
        nights.add(name, webhook=receiver.url)
    assert nights.tick().notices == 1
    assert nights.tick().notices == 1


def test_the_secrets_of_a_webhook_are_in_no_log_and_its_password_is_not_shown(
    nights: Nights, caplog: pytest.LogCaptureFixture
) -> None:
    nights.add(webhook="http://user:hunter2@127.0.0.1:9/a-token?key=a-key")
    with caplog.at_level("INFO"):
        nights.tick()
    report = commands.show("nightly", nights.settings)
    [noted] = [vars(record) for record in caplog.records if record.msg == Event.NOTICE_REFUSED]
    assert noted["url"] == "http://127.0.0.1:9"
    for told in (str(noted), report.notices[0].error or ""):
        assert not {"hunter2", "a-token", "a-key"} & set(re.split(r"[^\w-]", told))
    assert "hunter2" not in report.model_dump_json()
    assert "hunter2" not in commands.all_schedules(nights.settings)[0].model_dump_json()


def test_the_path_of_a_webhook_that_is_reached_is_in_no_log_either(
    nights: Nights, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    nights.add(webhook=f"{receiver.url}/a-token")
    with caplog.at_level("DEBUG"):
        assert nights.tick().notices == 1
    assert Event.NOTICE_SENT in caplog.messages
    assert not [record for record in caplog.records if "a-token" in str(vars(record))]
