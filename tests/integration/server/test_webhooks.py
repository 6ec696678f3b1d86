"""Events of batches: each end is posted once to its tenant's webhook, signed so that OpenAI's package takes it."""

import json

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from sqlalchemy import select, update

from qwenq.notices.sending import send_notices
from qwenq.schemas.tables.schedules import notices
from qwenq.schemas.tables.service import api_batches
from qwenq.store.database.clock import now
from qwenq.store.tenants.webhooks import remove_webhook, set_webhook
from tests.integration.server.conftest import Desk
from tests.receiving import receiving


def watched(desk: Desk, url: str, tenant: str = "local") -> str:
    """Give a tenant a webhook. Returns its secret."""
    with desk.store.writing() as connection:
        return set_webhook(connection, tenant, url)


def test_each_end_of_a_batch_is_an_event_that_openais_package_takes(desk: Desk) -> None:
    with receiving() as receiver:
        settings = desk.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
        secret = watched(desk, receiver.url)
        completed, job_id = desk.begun(1)
        desk.answer(job_id)
        desk.caretaker.look()
        expired, _ = desk.begun(1)
        with desk.store.writing() as connection:
            connection.execute(
                update(api_batches).where(api_batches.c.id == expired["id"]).values(expires_at=now(-1.0))
            )
        desk.caretaker.look()
        desk.caretaker.look()
        cancelled, _ = desk.begun(1)
        desk.client.post(f"/v1/batches/{cancelled['id']}/cancel")
        desk.caretaker.look()
        at_once = desk.create("file-unknown")
        invalid = desk.create(desk.upload(b"{"))
        desk.caretaker.look()
        assert send_notices(desk.store, settings) == 5
        assert send_notices(desk.store, settings) == 0
    client = OpenAI(api_key="x", webhook_secret=secret)
    events = [client.webhooks.unwrap(body, headers) for headers, body in receiver.received]
    assert [(event.type, event.data.id) for event in events] == [  # type: ignore[union-attr]
        ("batch.completed", completed["id"]),
        ("batch.expired", expired["id"]),
        ("batch.cancelled", cancelled["id"]),
        ("batch.failed", at_once["id"]),
        ("batch.failed", invalid["id"]),
    ]
    headers, body = receiver.received[0]
    assert json.loads(body).keys() == {"id", "object", "created_at", "type", "data"}
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.unwrap(body.replace(b"completed", b"failed"), headers)


def test_a_tenant_without_a_webhook_gets_no_event(sqlite_desk: Desk) -> None:
    sqlite_desk.key("acme")
    watched(sqlite_desk, "https://acme.example/hook", "acme")
    sqlite_desk.create("file-unknown", sqlite_desk.key("other"))
    with sqlite_desk.store.reading() as connection:
        assert connection.execute(select(notices)).all() == []


@pytest.mark.parametrize("stays", [True, False], ids=["a private address", "no webhook any more"])
def test_an_event_that_may_not_be_sent_says_why(sqlite_desk: Desk, stays: bool) -> None:
    with receiving() as receiver:
        watched(sqlite_desk, receiver.url)
        sqlite_desk.create("file-unknown")
        if not stays:
            with sqlite_desk.store.writing() as connection:
                assert remove_webhook(connection, "local")
        assert send_notices(sqlite_desk.store, sqlite_desk.settings) == 0
    with sqlite_desk.store.reading() as connection:
        [found] = connection.execute(select(notices)).all()
    assert ("is not public" if stays else "no webhook any more") in found.error
    assert receiver.received == []
