"""The HTTP service: tenants, keys, files, batches, and who did what.

Revision: 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")
OPEN = sa.text("state NOT IN ('completed', 'failed', 'expired', 'cancelled')")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("tenant", sa.Text(), nullable=False, server_default="local"))
    op.create_table(
        "tenants",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "waits_for_models",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="whether batches may wait for a model that no worker had so far",
        ),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "owner", sa.Text(), nullable=False, comment="whose work it may touch, if its role is member"
        ),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False, comment="its first characters, to recognise it by"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the key"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("expires_at", UTC_TIME),
        sa.Column("last_used_at", UTC_TIME, comment="to the minute"),
        sa.Column("revoked_at", UTC_TIME),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_api_keys_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.CheckConstraint(
            "role IN ('member', 'viewer', 'admin', 'operator')", name=op.f("ck_api_keys_role")
        ),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"], unique=False)
    op.create_index("uq_api_keys_digest", "api_keys", ["digest"], unique=True)
    op.create_table(
        "files",
        sa.Column("number", BIG_ID, nullable=False, comment="the order of lists"),
        sa.Column("id", sa.Text(), nullable=False, comment="file-…, also its name in the storage"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("expires_at", UTC_TIME),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_files_tenant")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_files")),
    )
    op.create_index("ix_files_expires_at", "files", ["expires_at"], unique=False)
    op.create_index("ix_files_tenant_number", "files", ["tenant", "number"], unique=False)
    op.create_index("uq_files_id", "files", ["id"], unique=True)
    op.create_table(
        "api_batches",
        sa.Column("number", BIG_ID, nullable=False, comment="the order of lists"),
        sa.Column("id", sa.Text(), nullable=False, comment="batch_…"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("input_file_id", sa.Text(), nullable=False, comment="it may have been deleted since"),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("completion_window", sa.Text(), nullable=False),
        sa.Column("metadata", sa.JSON(), comment="of the client"),
        sa.Column(
            "request_digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of what was asked for"
        ),
        sa.Column("model", sa.Text()),
        sa.Column(
            "job_id",
            sa.BigInteger(),
            comment="its job, once all lines are stored; it may have been pruned since",
        ),
        sa.Column("errors", sa.JSON(), comment="why validation failed: a list of code, line, message, param"),
        sa.Column("output_seconds", sa.Integer(), comment="how long its output files are kept"),
        sa.Column("output_file_id", sa.Text()),
        sa.Column("error_file_id", sa.Text()),
        sa.Column("total", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column(
            "completed",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="once it has ended",
        ),
        sa.Column(
            "failed",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="once it has ended",
        ),
        sa.Column("usage", sa.JSON(), comment="TokenUsage, once it has ended"),
        sa.Column(
            "expiring",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="its window is over",
        ),
        sa.Column("holder", sa.Text(), comment="fence of the process that validates or finalizes it"),
        sa.Column("holder_expires_at", UTC_TIME, comment="lease of that process"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.Column("in_progress_at", UTC_TIME),
        sa.Column("finalizing_at", UTC_TIME),
        sa.Column("completed_at", UTC_TIME),
        sa.Column("failed_at", UTC_TIME),
        sa.Column("expired_at", UTC_TIME),
        sa.Column("cancelling_at", UTC_TIME),
        sa.Column("cancelled_at", UTC_TIME),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_api_batches_tenant")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_api_batches")),
        sa.CheckConstraint("completed + failed <= total", name=op.f("ck_api_batches_counts")),
        sa.CheckConstraint(
            "state IN ('validating', 'in_progress', 'finalizing', 'completed', 'failed', 'expired', "
            "'cancelling', 'cancelled')",
            name=op.f("ck_api_batches_state"),
        ),
    )
    op.create_index("ix_api_batches_job_id", "api_batches", ["job_id"], unique=False)
    op.create_index(
        "ix_api_batches_open",
        "api_batches",
        ["number"],
        unique=False,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_api_batches_tenant_number", "api_batches", ["tenant", "number"], unique=False)
    op.create_index("uq_api_batches_id", "api_batches", ["id"], unique=True)
    op.create_table(
        "audit",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False, comment="prefix of the key, or user@host"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False, comment="id of the file, batch or key"),
        sa.Column("request_id", sa.Text()),
        sa.Column("sha256", sa.Text(), comment="of the content, in hexadecimal"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_tenant_id", "audit", ["tenant", "id"], unique=False)
    made_at = "CAST(strftime('%s', 'now') AS REAL)" if op.get_bind().dialect.name == "sqlite" else "now()"
    op.execute(f"INSERT INTO tenants (name, created_at) VALUES ('local', {made_at})")  # noqa: S608
