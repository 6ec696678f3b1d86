"""Alembic's entry: runs the migrations on the connection that `qwenq.migrations.command` hands over."""

from alembic import context

import qwenq.schemas.tables.parts
import qwenq.schemas.tables.schedules
import qwenq.schemas.tables.service
import qwenq.schemas.tables.templates  # noqa: F401 - the same
from qwenq.schemas.tables.core import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
