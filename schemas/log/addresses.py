"""Addresses of services as they are shown: without passwords."""

import re

_USERS_PASSWORD = re.compile(r"(?s)^([^:/]*://[^:/]*:).*(?=@)")
"""Up to the last @: SQLAlchemy takes a password with / ? # or a space as it is."""
_PASSWORD_OF_QUERY = re.compile(r"(?is)([?&;](?:ssl)?password=)[^&]*")
_NEXT_URL = re.compile(r";(?=[\w+.-]+://)")
"""Celery takes several addresses."""


def without_passwords(url: str) -> str:
    """Mask the passwords in a URL: the user's, and those in the query."""
    masked = (_USERS_PASSWORD.sub(r"\1***", one) for one in _NEXT_URL.split(url))
    return ";".join(_PASSWORD_OF_QUERY.sub(r"\1***", one) for one in masked)
