"""The key of the home folder's owner for the HTTP service: made with the first `qwenq up`, and kept there.

Other users of the machine reach loopback too, so without a key they would see and change the owner's batches.
"""

from pathlib import Path

from qwenq.access.own_files import read_own, write_own
from qwenq.schemas.service.tenants import LOCAL, Role
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.keys import any_key, create_key, valid_key

FILE = "api-key"


def owner_key_file(store: Store, settings: Settings, who: str) -> Path | None:
    """The file with the owner's key, which is made if the store has no key yet. None: the store has other keys only.

    The key is of the tenant of the command line, and may do everything in it. `who` is named in the audit.

    Raises InvalidSetting, StoreAway.
    """
    file = settings.home / FILE
    kept = read_own(settings.home, FILE)
    with store.writing() as connection:
        if kept and valid_key(connection, kept):
            return file
        if any_key(connection):
            return None
        key, stored = create_key(connection, LOCAL, LOCAL, Role.ADMIN, None)
        note_deed(connection, LOCAL, who, "key.create", stored.prefix)
        # Before the commit: a key that nobody has would lock its owner out.
        write_own(settings.home, FILE, key)
    return file
