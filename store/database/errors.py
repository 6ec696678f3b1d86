"""What a person can do about an error of the database. Messages show nothing of a document."""

from sqlalchemy import exc

from qwenq.schemas.errors import StoreAway

AGAIN = "Try again"
_FREE_SPACE = "Free disk space"
_GRANT = "Give its user the right to read and write there, or correct QWENQ_DATABASE_URL"
_CREDENTIALS = "Correct the user, the password or the database in QWENQ_DATABASE_URL"
_NO_STORE = "Move the file away, or put a copy in its place, or correct QWENQ_DATABASE_URL or QWENQ_HOME"
# Remedies by a part of the message: SQLite's, and PostgreSQL's from before there is a SQLSTATE.
_REMEDY_OF_MESSAGE = {
    "is locked": "Another program holds the lock: end it, or try again",
    "disk is full": _FREE_SPACE,
    "disk i/o error": "See whether the disk is full, broken, or one of the network that SQLite cannot use",
    "readonly database": _GRANT,
    "unable to open database file": "See whether its folder is there and can be written, and the disk has space",
    "is not a database": _NO_STORE,
    "malformed": _NO_STORE,
    "authentication failed": _CREDENTIALS,
    "no password supplied": _CREDENTIALS,
    "no pg_hba.conf entry": _CREDENTIALS,
    "does not exist": _CREDENTIALS,
    "too many connections": "Raise max_connections of the server, or run fewer processes",
}
# Remedies by PostgreSQL's SQLSTATE, or by its first two characters, its class.
_REMEDY_OF_SQLSTATE = {
    "25P03": AGAIN,
    "25006": "It is read-only, a replica perhaps: correct QWENQ_DATABASE_URL",
    "28": _CREDENTIALS,
    "3D000": _CREDENTIALS,
    "40": AGAIN,
    "42501": "Run deploy/postgres/grants.sql as the owner of its tables, or correct the role in QWENQ_DATABASE_URL",
    "53100": _FREE_SPACE,
    "53300": "Raise max_connections of the server, or run fewer processes",
    "55P03": AGAIN,
    "57014": "See what its server is busy with, and try again",
}


def first_of(error: exc.DBAPIError) -> exc.DBAPIError:
    """Return the first error: on a full disk SQLite rolls back, and then misses the savepoint as well."""
    before: BaseException | None = error.orig if "no such savepoint" in str(error.orig) else None
    while before is not None and not isinstance(before, exc.DBAPIError):
        before = before.__context__
    return before or error


def leave_values_out(error: exc.DBAPIError) -> None:
    """Cut PostgreSQL's message to its first part: the rest quotes the row, and logs would show it."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    if error.orig is not None and primary:
        error.orig.args = (primary,)
        error.args = (f"({type(error.orig).__name__}) {primary}",)


def away(url: str, error: exc.DBAPIError) -> StoreAway | None:
    """The error as StoreAway, with a remedy; None when the program is at fault."""
    if isinstance(error, (exc.IntegrityError, exc.DataError)):
        return None
    reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
    remedy = _remedy(getattr(error.orig, "sqlstate", None), reason)
    if remedy is not None:
        return StoreAway(url=url, reason=reason, remedy=remedy)
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        return StoreAway(url=url, reason=reason)
    return None


def _remedy(sqlstate: str | None, reason: str) -> str | None:
    if sqlstate is not None:
        return _REMEDY_OF_SQLSTATE.get(sqlstate) or _REMEDY_OF_SQLSTATE.get(sqlstate[:2])
    said = reason.lower()
    return next((remedy for part, remedy in _REMEDY_OF_MESSAGE.items() if part in said), None)
