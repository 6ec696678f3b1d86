"""Tenants keep their work for a while only, and can be erased; batches are found by their files.

Revision: 0026, after 0025.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column(
            "keep_seconds", sa.BigInteger(), comment="how long its files and ended work are kept at most"
        ),
    )
    op.add_column(
        "tenants",
        sa.Column(
            "erasing",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="it gets no files, batches and jobs any more, and what it has is being removed",
        ),
    )
    for name in ("input_file_id", "output_file_id", "error_file_id"):
        op.create_index(f"ix_api_batches_{name}", "api_batches", [name])
