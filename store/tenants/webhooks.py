"""Webhooks of tenants, and the events of their batches: each a notice, which `qwenq beat` sends."""

import base64
import secrets

import orjson
from sqlalchemy import Connection, delete, insert, select

from qwenq.schemas.service.tenants import TenantWebhook
from qwenq.schemas.states import BatchState
from qwenq.schemas.tables.service import tenant_webhooks
from qwenq.store.database.clock import moment_of, now
from qwenq.store.schedules.notices import insert_notices

SECRET_PREFIX = "whsec_"  # noqa: S105 - the common prefix of secrets, not a secret
_SECRET_BYTES = 32


def set_webhook(connection: Connection, tenant: str, url: str) -> str:
    """Have the events of a tenant's batches posted to a URL. Returns the new secret that signs them."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    remove_webhook(connection, tenant)
    connection.execute(
        insert(tenant_webhooks).values(tenant=tenant, url=url, secret=secret, created_at=now())
    )
    return secret


def remove_webhook(connection: Connection, tenant: str) -> bool:
    """Post no more events of a tenant's batches. False: it had no webhook."""
    return bool(
        connection.execute(delete(tenant_webhooks).where(tenant_webhooks.c.tenant == tenant)).rowcount
    )


def find_webhook(connection: Connection, tenant: str) -> TenantWebhook | None:
    """Where the events of a tenant's batches are posted to; None: nowhere."""
    columns = (tenant_webhooks.c.url, tenant_webhooks.c.created_at)
    row = connection.execute(select(*columns).where(tenant_webhooks.c.tenant == tenant)).one_or_none()
    return None if row is None else TenantWebhook(row.url, row.created_at)


def webhook_secret(connection: Connection, tenant: str) -> str | None:
    """What signs a tenant's events; None if it has no webhook."""
    secret: str | None = connection.execute(
        select(tenant_webhooks.c.secret).where(tenant_webhooks.c.tenant == tenant)
    ).scalar_one_or_none()
    return secret


def insert_batch_event(connection: Connection, tenant: str, batch_id: str, ended: BatchState) -> None:
    """Add the notice of a batch's end, if its tenant has a webhook: an event as OpenAI sends it."""
    webhook = find_webhook(connection, tenant)
    if webhook is None:
        return
    key = f"evt_{secrets.token_hex(16)}"
    event = {
        "id": key,
        "object": "event",
        "created_at": int(moment_of(connection).timestamp()),
        "type": f"batch.{ended}",
        "data": {"id": batch_id},
    }
    insert_notices(connection, key, [webhook.url], orjson.dumps(event).decode(), tenant)
