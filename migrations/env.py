"""Alembic's entry: runs the migrations on the connection that `migrations.command` hands over."""

from alembic import context

import schemas.schedule_tables  # noqa: F401 - its tables are among the metadata
from schemas.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
