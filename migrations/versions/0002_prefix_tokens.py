"""Tokens of a prompt that were reused and not computed; the next waiting chunk of a job is found by an index.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default of the database's own, no table is written anew, however large it is.
    for table, kind in (("chunks", sa.BigInteger()), ("results", sa.Integer()), ("batches", sa.Integer())):
        op.add_column(table, sa.Column("prefix_tokens", kind, nullable=False, server_default=sa.text("0")))
    op.create_index(
        "ix_chunks_job_id_state_first_seq", "chunks", ["job_id", "state", "first_seq"], unique=False
    )
