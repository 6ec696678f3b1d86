"""`qwenq db`: the SQL store."""

import click


@click.group(name="db")
def command() -> None:
    """Bring the SQL store to this version, or see which one it is of."""


@command.command()
def upgrade() -> int:
    """Make the store's tables, or bring them to this version. Data is kept."""
    from qwenq.telling import say
    from schemas.settings import load_settings
    from schemas.tables import SCHEMA_VERSION
    from store.database import Store
    from store.version import upgrade_store

    store = Store.of(load_settings())
    found = upgrade_store(store)
    store.close()
    if found == SCHEMA_VERSION:
        say(f"{store.url} is of version {found} already")
    else:
        say(f"{store.url}: from {found or 'nothing'} to version {SCHEMA_VERSION}")
    return 0


@command.command()
def check() -> int:
    """See whether the store is of the version that this qwenq needs."""
    from qwenq.telling import say
    from schemas.settings import load_settings
    from schemas.tables import SCHEMA_VERSION
    from store.database import Store
    from store.version import check_version

    store = Store.of(load_settings())
    check_version(store)
    store.close()
    say(f"{store.url} is of version {SCHEMA_VERSION}, as it should be")
    return 0
