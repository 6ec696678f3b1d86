"""Forget files whose time is over, and what deleted files and batches held; keep no longer than tenants allow.

In a thread of its own, so that nothing waits until another batch is validated. Any number of processes may do so.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice

from qwenq.schemas.errors import QwenqError
from qwenq.schemas.log.lines import exception_words
from qwenq.store.api_batches.forgetting import (
    delete_old_batches,
    forget_files,
    forget_old_jobs,
    forget_orphans,
    is_any_to_forget,
)
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.files.stored_files import delete_expired, unknown_ids
from qwenq.store.files.uploads import expire_uploads
from qwenq.store.life.removal import remove_abandoned
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.tenants import all_tenants

LOOK_SECONDS = 1.0
REMOVING_SECONDS = 10.0
"""How long one look removes rows."""
AT_ONCE = 100
"""Files, batches or jobs a transaction."""
KEEPING_SECONDS = 60.0
"""Between two looks at what tenants keep."""
SWEEP_SECONDS = 3_600.0
"""Between two searches for bytes that nobody knows of."""
SWEPT_SECONDS = 86_400.0
"""How old such bytes are at least: a slow upload may last hours."""
WHO = "qwenq serve"
"""Who the audit names for what a tenant's retention deletes."""

_log = logging.getLogger("qwenq.server")


class Forgetter:
    """Removes what is to be forgotten, in a thread of its own once it is started."""

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self._storage = storage
        self._woken = threading.Event()
        self._ending = False
        self._kept_at = self._swept_at = -math.inf
        self._log_is_long = False

    def start(self) -> None:
        """Start the thread, which lives until `stop`."""
        threading.Thread(target=self._run, name="forgetter", daemon=True).start()

    def wake(self) -> None:
        """Look now: something was deleted."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread. What it leaves half done, another process goes on with."""
        self._ending = True
        self._woken.set()

    def _run(self) -> None:
        while not self._ending:
            self.look()
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()

    def look(self) -> None:
        """Forget what there is to forget. Errors are logged, and met again with the next look."""
        moment = time.monotonic()
        if moment - self._kept_at > KEEPING_SECONDS:
            self._kept_at = moment
            self._trying(self.keep_no_longer)
            self._trying(self.expire_uploads)
        self._trying(self._forget)
        if moment - self._swept_at > SWEEP_SECONDS:
            self._swept_at = moment
            self._trying(self.sweep)

    def _trying(self, step: Callable[[], None]) -> None:
        try:
            step()
        except QwenqError as error:
            _log.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - the thread must not end
            _log.warning("unforeseen: %s", exception_words(error))

    def _forget(self) -> None:
        with self._store.reading() as connection:
            is_any = is_any_to_forget(connection)
        if is_any:
            self._forget_expired()
            self._log_is_long |= remove_abandoned(self._store, REMOVING_SECONDS) > 0
        if self._log_is_long:
            self._log_is_long = not self._store.shrink_log()

    def _forget_expired(self) -> None:
        """Delete files whose time is over."""
        while not self._ending:
            with self._store.writing() as connection:
                ids = delete_expired(connection, AT_ONCE)
                forget_files(connection, ids)
            self._remove_bytes(ids)
            if len(ids) < AT_ONCE:
                return

    def expire_uploads(self) -> None:
        """Expire uploads in parts whose time is over: their parts are gone."""
        while not self._ending:
            with self._store.writing() as connection:
                expired, parts = expire_uploads(connection, AT_ONCE)
            self._remove_bytes(parts)
            if expired < AT_ONCE:
                return

    def keep_no_longer(self) -> None:
        """Delete ended batches and jobs that their tenants do not keep longer, and jobs whose batch is gone."""
        with self._store.reading() as connection:
            kept = [(one.name, one.keep_seconds) for one in all_tenants(connection) if not one.erasing]
        for tenant, keep_seconds in kept:
            while keep_seconds is not None and not self._ending and self._keep(tenant, keep_seconds):
                pass
        with self._store.writing() as connection:
            forget_orphans(connection)

    def _keep(self, tenant: str, keep_seconds: float) -> bool:
        """Delete some. False: there are no more."""
        with self._store.writing() as connection:
            deleted = delete_old_batches(connection, tenant, keep_seconds, AT_ONCE)
            for batch_id in deleted.batch_ids:
                note_deed(connection, tenant, WHO, "batch.delete", batch_id)
            jobs = forget_old_jobs(connection, tenant, keep_seconds, AT_ONCE)
        self._remove_bytes(deleted.file_ids)
        return len(deleted.batch_ids) == AT_ONCE or jobs == AT_ONCE

    def sweep(self) -> None:
        """Remove bytes that a process left which died before their file existed."""
        found = self._storage.left_behind(SWEPT_SECONDS)
        while ids := list(islice(found, AT_ONCE)):
            with self._store.reading() as connection:
                orphans = unknown_ids(connection, ids)
            self._remove_bytes(orphans)

    def _remove_bytes(self, ids: Iterable[str]) -> None:
        for file_id in ids:
            self._storage.remove(file_id)
