"""A document's answer tells that it succeeded, and its chunk that it runs: neither is noted beside its text.

On PostgreSQL each answered row is written anew: a VACUUM of `documents` gives the space back.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COMMENT = "pending too of one that is answered: results tells"


def upgrade() -> None:
    op.execute("UPDATE documents SET state = 'pending' WHERE state IN ('running', 'succeeded')")
    _comment(COMMENT, existing=None)


def _comment(comment: str | None, existing: str | None) -> None:
    """SQLite keeps no comments."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(
            "documents",
            "state",
            comment=comment,
            existing_comment=existing,
            existing_type=sa.Text(),
            existing_nullable=False,
        )
