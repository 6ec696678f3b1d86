"""Reserve places for the documents of a batch whose number was not known when it was created."""

from sqlalchemy import Connection, update

from qwenq.schemas.service.stored import HeldBatch
from qwenq.schemas.tables.service import api_batches
from qwenq.store.tenants.bounds import check_waiting
from qwenq.store.tenants.tenants import find_tenant


def reserve_documents(connection: Connection, held: HeldBatch, documents: int) -> None:
    """Count the documents of a batch as waiting until its job is stored. Raises BoundReached."""
    batch = held.batch
    more = documents - batch.reserved
    if more <= 0:
        return
    tenant = find_tenant(connection, batch.tenant, lock=True)
    of_key = (batch.terms or {}).get("waiting_documents")
    check_waiting(connection, "key", of_key, batch.tenant, batch.owner, more)
    check_waiting(connection, "tenant", tenant.bounds.waiting_documents, batch.tenant, None, more)
    connection.execute(update(api_batches).where(api_batches.c.id == batch.id).values(reserved=documents))
