"""Uploads in parts, of the HTTP service.

Revision: 0030, after 0029.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("number", BIG_ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="upload_…"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="pending until it ends, also when its time is over"
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column(
            "bytes",
            sa.BigInteger(),
            nullable=False,
            comment="of all parts together, as its client announced",
        ),
        sa.Column("file_seconds", sa.Integer(), comment="how long its file is kept"),
        sa.Column("file_id", sa.Text(), comment="what it became"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_uploads_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_uploads")),
        sa.CheckConstraint(
            "state IN ('pending', 'completed', 'cancelled', 'expired')", name=op.f("ck_uploads_state")
        ),
    )
    op.create_index("ix_uploads_state_expires_at", "uploads", ["state", "expires_at"], unique=False)
    op.create_index("ix_uploads_tenant", "uploads", ["tenant"], unique=False)
    op.create_index("uq_uploads_id", "uploads", ["id"], unique=True)
    op.create_table(
        "upload_parts",
        sa.Column("number", BIG_ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="part_…, also its name in the storage"),
        sa.Column("upload_number", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_number"],
            ["uploads.number"],
            name=op.f("fk_upload_parts_upload_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_upload_parts")),
    )
    op.create_index("ix_upload_parts_upload_number", "upload_parts", ["upload_number"], unique=False)
    op.create_index("uq_upload_parts_id", "upload_parts", ["id"], unique=True)
