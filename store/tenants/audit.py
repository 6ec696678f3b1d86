"""The audit: who created, read, cancelled or deleted what."""

from collections.abc import Iterator

from sqlalchemy import Connection, insert, select

from qwenq.schemas.service.tenants import AuditEntry
from qwenq.schemas.tables.service import audit
from qwenq.store.database.clock import now

PAGE_ROWS = 2_000


def note_deed(
    connection: Connection,
    tenant: str,
    who: str,
    action: str,
    on: str,
    request_id: str | None = None,
    sha256: str | None = None,
) -> None:
    """Note a deed on a file, batch, tenant or key, in the deed's own transaction."""
    connection.execute(
        insert(audit).values(
            at=now(), tenant=tenant, who=who, action=action, object=on, request_id=request_id, sha256=sha256
        )
    )


def audit_entries(connection: Connection, tenant: str | None, within_seconds: float) -> Iterator[AuditEntry]:
    """The deeds of the last seconds, of one tenant or of all, oldest first; a page of rows in memory at a time."""
    query = select(audit).where(audit.c.at > now(-within_seconds)).order_by(audit.c.id).limit(PAGE_ROWS)
    if tenant is not None:
        query = query.where(audit.c.tenant == tenant)
    after = 0
    while rows := connection.execute(query.where(audit.c.id > after)).all():
        for row in rows:
            yield AuditEntry(row.at, row.tenant, row.who, row.action, row.object, row.request_id, row.sha256)
        after = rows[-1].id
