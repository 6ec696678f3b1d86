"""What operators do with tenants and keys of the HTTP service. Each deed is noted in the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwenq.actions.submitters import submitter_of
from qwenq.actions.text_fields import check_name
from qwenq.notices.targets import Kind, Target, check_target
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.service.bounds import NO_CHANGE, Bounded
from qwenq.schemas.service.tenants import ApiKey, AuditEntry, Role, Tenant, TenantWebhook, check_tenant_name
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.store.tenants import keys, tenants, webhooks
from qwenq.store.tenants.audit import audit_entries, note_deed

_WEBHOOK = "--webhook"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key, which is shown once, and what is stored of it."""

    key: str
    stored: ApiKey


def add_tenant(
    settings: Settings, name: str, given: Mapping[str, Any], bounds: Mapping[str, Bounded] = NO_CHANGE
) -> None:
    """Add a tenant; `given` holds columns. Raises InvalidParameter, TenantExists, StoreAway."""
    check_tenant_name(name)
    with open_store(settings) as store, store.writing() as connection:
        tenants.insert_tenant(connection, name, **given)
        tenants.change_bounds(connection, name, bounds)
        note_deed(connection, name, submitter_of(settings), "tenant.add", name)


def set_tenant(
    settings: Settings, name: str, changes: Mapping[str, Any], bounds: Mapping[str, Bounded] = NO_CHANGE
) -> None:
    """Change columns and bounds of a tenant; what is not named stays.

    Raises UnknownTenant, TenantErasing, StoreAway.
    """
    with open_store(settings) as store, store.writing() as connection:
        tenants.change_tenant(connection, name, changes)
        tenants.change_bounds(connection, name, bounds)
        note_deed(connection, name, submitter_of(settings), "tenant.set", name)


def remove_tenant(settings: Settings, name: str) -> None:
    """Remove a tenant and its keys. Raises UnknownTenant, TenantInUse, StoreAway."""
    with open_store(settings) as store, store.writing() as connection:
        tenants.remove_tenant(connection, name)
        note_deed(connection, name, submitter_of(settings), "tenant.remove", name)


def show_tenant(settings: Settings, name: str) -> Tenant:
    """One tenant. Raises UnknownTenant, StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        return tenants.find_tenant(connection, name)


def list_tenants(settings: Settings) -> Sequence[Tenant]:
    """All tenants, by name. Raises StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        return tenants.all_tenants(connection)


def set_webhook(settings: Settings, tenant: str, url: str) -> str:
    """Post the events of a tenant's batches to a URL. Returns the new secret, which is shown once.

    Raises InvalidParameter, UnknownTenant, StoreAway.
    """
    check_name(_WEBHOOK, url)
    check_target(_WEBHOOK, url)
    if Target.of(url).kind is not Kind.WEBHOOK:
        reason = "give the https:// URL of a webhook; events of batches are for programs"
        raise InvalidParameter(name=_WEBHOOK, reason=reason)
    with open_store(settings) as store, store.writing() as connection:
        tenants.find_tenant(connection, tenant, lock=True)
        secret = webhooks.set_webhook(connection, tenant, url)
        note_deed(connection, tenant, submitter_of(settings), "tenant.webhook", tenant)
    return secret


def remove_webhook(settings: Settings, tenant: str) -> None:
    """Post no more events of a tenant's batches. Raises UnknownTenant, StoreAway."""
    with open_store(settings) as store, store.writing() as connection:
        tenants.find_tenant(connection, tenant, lock=True)
        if webhooks.remove_webhook(connection, tenant):
            note_deed(connection, tenant, submitter_of(settings), "tenant.no_webhook", tenant)


def show_webhook(settings: Settings, tenant: str) -> TenantWebhook | None:
    """A tenant's webhook, without its secret; None if it has none. Raises StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        return webhooks.find_webhook(connection, tenant)


def create_key(
    settings: Settings,
    tenant: str,
    owner: str,
    role: Role,
    valid_seconds: float | None,
    bounds: Mapping[str, int] | None = None,
) -> NewKey:
    """Create a key of a tenant. Raises InvalidParameter, UnknownTenant, StoreAway."""
    check_tenant_name(owner)
    with open_store(settings) as store, store.writing() as connection:
        key, stored = keys.create_key(connection, tenant, owner, role, valid_seconds, bounds)
        note_deed(connection, tenant, submitter_of(settings), "key.create", stored.prefix)
    return NewKey(key, stored)


def list_keys(settings: Settings, tenant: str | None) -> Sequence[ApiKey]:
    """The keys of a tenant, or all. Raises UnknownTenant, StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        if tenant is not None:
            tenants.find_tenant(connection, tenant)
        return keys.keys_of(connection, tenant)


def revoke_key(settings: Settings, key_id: int) -> ApiKey:
    """Revoke a key, for good. Raises UnknownKey, StoreAway."""
    with open_store(settings) as store, store.writing() as connection:
        revoked = keys.revoke_key(connection, key_id)
        note_deed(connection, revoked.tenant, submitter_of(settings), "key.revoke", revoked.prefix)
    return revoked


def read_audit(settings: Settings, tenant: str | None, within_seconds: float) -> Sequence[AuditEntry]:
    """The deeds of the last seconds, of a tenant or of all, oldest first. Raises StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        return list(audit_entries(connection, tenant, within_seconds))
