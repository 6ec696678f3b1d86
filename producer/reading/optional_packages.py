"""Packages that only an extra of qwenq installs."""

from importlib.util import find_spec

from qwenq.schemas.errors import MissingExtra
from qwenq.schemas.machine.installation import with_extra


def require(module: str, extra: str, what: str) -> None:
    """Raise MissingExtra if the module is not installed; `what` says what needs it, as in "reading PDF files".

    The module is not imported: only the reader process needs it.
    """
    if find_spec(module) is None:
        raise MissingExtra(what=what, requirement=with_extra(extra))
