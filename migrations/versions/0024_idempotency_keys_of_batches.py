"""A batch of the HTTP service keeps the key that its client gave, so that a repeated request finds it.

Revision: 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_batches",
        sa.Column("idempotency_key", sa.Text(), comment="given by the client, unique for its owner"),
    )
    op.create_index(
        "uq_api_batches_idempotency_key", "api_batches", ["tenant", "owner", "idempotency_key"], unique=True
    )
