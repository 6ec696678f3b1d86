"""Tenants and keys of the HTTP service, and what a request may touch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.service.bounds import OFF, Bounds

LOCAL = "local"
"""The tenant of the command line's jobs, and of requests to a service without keys."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


class Role(StrEnum):
    """What a key may do. An operator is an admin who will also see the fleet."""

    MEMBER = "member"
    VIEWER = "viewer"
    ADMIN = "admin"
    OPERATOR = "operator"


def check_tenant_name(name: str) -> None:
    """Raise InvalidParameter unless this can name a tenant or an owner."""
    if _NAME.fullmatch(name) is None:
        reason = (
            "1 to 64 lower-case letters, digits, `.`, `_` or `-`; the first and the last a letter or a digit"
        )
        raise InvalidParameter(name=f"the name {name!r}", reason=reason)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. Its batches may wait for models that no worker had so far, if `waits_for_models`.

    Its files and ended work are kept for `keep_seconds` at most; None: until somebody removes them. One that is
    `erasing` gets no work any more, and what it has is being removed.
    If it `sanitizes`, markup that could run in a browser is taken out of its documents. `set_bounds` are the bounds
    that were set for it; `bounds` are all, with defaults for the others.
    """

    name: str
    waits_for_models: bool
    created_at: datetime
    keep_seconds: int | None = None
    erasing: bool = False
    sanitizes: bool = False
    bounds: Bounds = OFF
    set_bounds: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TenantWebhook:
    """Where the events of a tenant's batches are posted to. Its secret is not shown."""

    url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored. Times are UTC; a key without `expires_at` does not expire."""

    id: int
    tenant: str
    owner: str
    role: Role
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    bounds: Bounds = OFF


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. `who` is the prefix of its key; `request_id` names the request in logs and in the audit.

    `bounds` are those of its key, `tenant_bounds` those of its tenant; `sanitizes`: so does its tenant.
    """

    tenant: str
    owner: str
    role: Role
    who: str
    request_id: str
    bounds: Bounds = OFF
    tenant_bounds: Bounds = OFF
    sanitizes: bool = False

    @property
    def sees_only_own(self) -> bool:
        """Whether files and batches of other owners in its tenant do not exist for it."""
        return self.role is Role.MEMBER

    @property
    def may_change(self) -> bool:
        """Whether it may create, delete and cancel."""
        return self.role is not Role.VIEWER


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which file, batch, tenant or key. `at` is UTC."""

    at: datetime
    tenant: str
    who: str
    action: str
    object: str
    request_id: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ErasedJob:
    """A job of a tenant that is erased, with how many documents and answers it holds."""

    id: int
    documents: int
    answers: int


@dataclass(slots=True)
class ErasedTenant:
    """What was removed of a tenant. `bytes` are those of its files."""

    name: str
    keys: int = 0
    batches: int = 0
    jobs: int = 0
    documents: int = 0
    answers: int = 0
    files: int = 0
    bytes: int = 0
