"""The SQL tables of the HTTP service: tenants, keys, files, batches, and who did what."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from qwenq.schemas.service.tenants import Role
from qwenq.schemas.states import BatchState, UploadState
from qwenq.schemas.tables.columns import BigId, UtcTime
from qwenq.schemas.tables.core import metadata, one_of

tenants = Table(
    "tenants",
    metadata,
    Column("name", Text, primary_key=True),
    Column(
        "waits_for_models",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether batches may wait for a model that no worker had so far",
    ),
    Column("created_at", UtcTime, nullable=False),
    Column("keep_seconds", BigInteger, comment="how long its files and ended work are kept at most"),
    Column(
        "erasing",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it gets no files, batches and jobs any more, and what it has is being removed",
    ),
    Column("bounds", JSON(none_as_null=True), comment="those set: a number, or null for off"),
    Column(
        "sanitizes",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether markup that could run in a browser is taken out of its documents",
    ),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("tenant", Text, ForeignKey("tenants.name", ondelete="CASCADE"), nullable=False),
    Column("owner", Text, nullable=False, comment="whose work it may touch, if its role is member"),
    Column("role", Text, nullable=False),
    Column("prefix", Text, nullable=False, comment="its first characters, to recognise it by"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the key"),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime, comment="to the minute"),
    Column("revoked_at", UtcTime),
    Column("bounds", JSON(none_as_null=True), comment="those set: a number"),
    one_of("role", Role, name="role"),
    Index("uq_api_keys_digest", "digest", unique=True),
    Index("ix_api_keys_tenant", "tenant"),
)

tenant_webhooks = Table(
    "tenant_webhooks",
    metadata,
    Column("tenant", Text, ForeignKey("tenants.name", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, nullable=False, comment="where the events of its batches are posted to"),
    Column("secret", Text, nullable=False, comment="whsec_…, signs them"),
    Column("created_at", UtcTime, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("number", BigId, primary_key=True, comment="the order of lists"),
    Column("id", Text, nullable=False, comment="file-…, also its name in the storage"),
    Column("tenant", Text, ForeignKey("tenants.name"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("lines", BigInteger, nullable=False, server_default=text("0"), comment="blank ones included"),
    Index("uq_files_id", "id", unique=True),
    Index("ix_files_tenant_number", "tenant", "number"),
    Index("ix_files_expires_at", "expires_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("number", BigId, primary_key=True),
    Column("id", Text, nullable=False, comment="upload_…"),
    Column("tenant", Text, ForeignKey("tenants.name", ondelete="CASCADE"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False, comment="pending until it ends, also when its time is over"),
    Column("purpose", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False, comment="of all parts together, as its client announced"),
    Column("file_seconds", Integer, comment="how long its file is kept"),
    Column("file_id", Text, comment="what it became"),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    one_of("state", UploadState, name="state"),
    Index("uq_uploads_id", "id", unique=True),
    Index("ix_uploads_tenant", "tenant"),
    Index("ix_uploads_state_expires_at", "state", "expires_at"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("number", BigId, primary_key=True),
    Column("id", Text, nullable=False, comment="part_…, also its name in the storage"),
    Column("upload_number", BigInteger, ForeignKey("uploads.number", ondelete="CASCADE"), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("uq_upload_parts_id", "id", unique=True),
    Index("ix_upload_parts_upload_number", "upload_number"),
)

api_batches = Table(
    "api_batches",
    metadata,
    Column("number", BigId, primary_key=True, comment="the order of lists"),
    Column("id", Text, nullable=False, comment="batch_…"),
    Column("tenant", Text, ForeignKey("tenants.name"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("input_file_id", Text, nullable=False, comment="it may have been deleted since"),
    Column("endpoint", Text, nullable=False),
    Column("completion_window", Text, nullable=False),
    Column("metadata", JSON, comment="of the client"),
    Column("request_digest", LargeBinary, nullable=False, comment="SHA-256 of what was asked for"),
    Column("idempotency_key", Text, comment="given by the client, unique for its owner"),
    Column("model", Text),
    Column("job_id", BigInteger, comment="its job, once all lines are stored; it may have been pruned since"),
    Column("errors", JSON, comment="why validation failed: a list of code, line, message, param"),
    Column("output_seconds", Integer, comment="how long its output files are kept"),
    Column("output_file_id", Text),
    Column("error_file_id", Text),
    Column("total", BigInteger, nullable=False, server_default=text("0")),
    Column("completed", BigInteger, nullable=False, server_default=text("0"), comment="once it has ended"),
    Column("failed", BigInteger, nullable=False, server_default=text("0"), comment="once it has ended"),
    Column("usage", JSON, comment="TokenUsage, once it has ended"),
    Column("expiring", Boolean, nullable=False, server_default=text("false"), comment="its window is over"),
    Column("holder", Text, comment="fence of the process that validates or finalizes it"),
    Column("holder_expires_at", UtcTime, comment="lease of that process"),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("in_progress_at", UtcTime),
    Column("finalizing_at", UtcTime),
    Column("completed_at", UtcTime),
    Column("failed_at", UtcTime),
    Column("expired_at", UtcTime),
    Column("cancelling_at", UtcTime),
    Column("cancelled_at", UtcTime),
    Column(
        "reserved",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="its documents, which count as waiting until its job is stored",
    ),
    Column("terms", JSON(none_as_null=True), comment="of its tenant and key when it was created"),
    Column("sanitized", JSON(none_as_null=True), comment="Sanitized: what was taken out of its documents"),
    Column("rows", Text, comment="qwenq's own fields as JSON, if its input is rows"),
    Column("notes", JSON(none_as_null=True), comment="what was found out of its rows: a list of lines"),
    one_of("state", BatchState, name="state"),
    CheckConstraint("completed + failed <= total", name="counts"),
    Index("uq_api_batches_id", "id", unique=True),
    Index("uq_api_batches_idempotency_key", "tenant", "owner", "idempotency_key", unique=True),
    Index("ix_api_batches_tenant_number", "tenant", "number"),
    Index("ix_api_batches_job_id", "job_id"),
    Index("ix_api_batches_input_file_id", "input_file_id"),
    Index("ix_api_batches_output_file_id", "output_file_id"),
    Index("ix_api_batches_error_file_id", "error_file_id"),
    Index(
        "ix_api_batches_open",
        "number",
        sqlite_where=text("state NOT IN ('completed', 'failed', 'expired', 'cancelled')"),
        postgresql_where=text("state NOT IN ('completed', 'failed', 'expired', 'cancelled')"),
    ),
)

usage = Table(
    "usage",
    metadata,
    # No foreign keys: it outlives jobs and workers. A worker writes rows of its own, so that none waits.
    Column("tenant", Text, nullable=False),
    Column("day", Text, nullable=False, comment="in UTC: 2026-11-30"),
    Column("owner", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("worker_id", BigInteger, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)
        for name, comment in (
            ("answers", "reused ones included"),
            ("failures", "documents that failed at a worker"),
            ("reused", "of `answers`: answered from the store"),
            ("prompt_tokens", "of answers"),
            ("prefix_tokens", "of `prompt_tokens`: read from a shared prefix"),
            ("completion_tokens", "of answers, reasoning included"),
            ("reasoning_tokens", "of `completion_tokens`"),
        )
    ),
    Column("device_seconds", Double, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant", "day", "owner", "model", "worker_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    # No foreign key: it outlives its tenant.
    Column("tenant", Text, nullable=False),
    Column("who", Text, nullable=False, comment="prefix of the key, or user@host"),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, comment="id of the file, batch or key"),
    Column("request_id", Text),
    Column("sha256", Text, comment="of the content, in hexadecimal"),
    Index("ix_audit_tenant_id", "tenant", "id"),
)
