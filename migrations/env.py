"""Alembic's entry: runs the migrations on the connection that `migrations.command` hands over."""

from alembic import context

import schemas.part_tables
import schemas.schedule_tables  # noqa: F401 - the same
from schemas.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
