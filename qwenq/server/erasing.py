"""Erase a tenant of the HTTP service with all it has: keys, batches, jobs, files and their bytes."""

import time
from collections.abc import Callable

from qwenq.schemas.errors import TenantStillBusy
from qwenq.schemas.service.tenants import ErasedJob, ErasedTenant
from qwenq.schemas.settings import Settings
from qwenq.store.api_batches.forgetting import delete_all_batches
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.life.half_jobs import hold_abandoned, hold_ended
from qwenq.store.life.removal import LEASE_SECONDS, remove
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.tenants import erasing
from qwenq.store.tenants.audit import note_deed
from qwenq.store.views.work.stranded import has_lost_claims

AT_ONCE = 100
LOOK_SECONDS = 0.2
SPARE_SECONDS = 10.0
"""How long to wait for workers beyond their lease."""


def erase_tenant(settings: Settings, name: str, who: str) -> ErasedTenant:
    """Remove a tenant with all it has, and say what that was. The audit stays, and notes `who` did it.

    A second call goes on with what the first left. Raises UnknownTenant, TenantInUse, TenantStillBusy, FilesAway,
    StoreAway.
    """
    erased = ErasedTenant(name)
    with open_store(settings) as store:
        storage = Storage.of(settings)
        with store.writing() as connection:
            erased.keys = erasing.begin_erasing(connection, name)
            note_deed(connection, name, who, "tenant.erase", name)
        _erase_batches(store, storage, erased)
        _erase_jobs(store, settings, erased)
        _erase_files(store, storage, erased)
        with store.writing() as connection:
            erasing.end_erasing(connection, name)
            note_deed(connection, name, who, "tenant.remove", name)
        store.shrink_log()
    return erased


def _erase_batches(store: Store, storage: Storage, erased: ErasedTenant) -> None:
    while True:
        with store.writing() as connection:
            deleted = delete_all_batches(connection, erased.name, AT_ONCE)
        for file_id in deleted.file_ids:
            storage.remove(file_id)
        erased.batches += len(deleted.batch_ids)
        erased.files += len(deleted.file_ids)
        erased.bytes += deleted.bytes
        if len(deleted.batch_ids) < AT_ONCE:
            return


def _erase_jobs(store: Store, settings: Settings, erased: ErasedTenant) -> None:
    with store.reading() as connection:
        jobs = erasing.jobs_to_erase(connection, erased.name)
    for job in jobs:
        with store.writing() as connection:
            erasing.stop_job(connection, job.id)
    for job in jobs:
        _erase_job(store, settings, erased.name, job)
        erased.jobs += 1
        erased.documents += job.documents
        erased.answers += job.answers


def _erase_job(store: Store, settings: Settings, name: str, job: ErasedJob) -> None:
    """Remove a job as soon as no worker holds a chunk of it, and no other process removes it."""
    patience = settings.lease_seconds + SPARE_SECONDS
    _wait(
        store, settings, lambda: _try_to_erase(store, name, job.id), TenantStillBusy(name, job.id, patience)
    )


def _try_to_erase(store: Store, name: str, job_id: int) -> bool:
    with store.writing() as connection:
        if not erasing.is_there(connection, job_id, name):
            return True
        half = hold_ended(connection, job_id, 0.0, LEASE_SECONDS) or hold_abandoned(
            connection, job_id, LEASE_SECONDS
        )
    return half is not None and remove(store, half)


def _wait(store: Store, settings: Settings, is_done: Callable[[], bool], late: TenantStillBusy) -> None:
    """Wait for workers to give back what they hold. Those that died are not waited for longer than their lease."""
    deadline = time.monotonic() + late.seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise late
        with store.reading() as connection:
            is_lost = has_lost_claims(connection)
        if is_lost:
            with store.writing() as connection:
                rescue_expired(connection, settings.max_crashes)
        time.sleep(LOOK_SECONDS)


def _erase_files(store: Store, storage: Storage, erased: ErasedTenant) -> None:
    """Remove bytes first: a file without its row would not be found again."""
    while True:
        with store.reading() as connection:
            found = erasing.files_to_erase(connection, erased.name, AT_ONCE)
        for file_id, _ in found:
            storage.remove(file_id)
        with store.writing() as connection:
            erasing.delete_files(connection, [file_id for file_id, _ in found])
        erased.files += len(found)
        erased.bytes += sum(size for _, size in found)
        if len(found) < AT_ONCE:
            return
