"""Packages that only an extra of qwenq installs."""

import importlib

from qwenq.schemas.errors import MissingExtra


def require(module: str, extra: str, what: str) -> None:
    """Raise MissingExtra if the module is not installed; `what` says what needs it, as in "reading PDF files"."""
    try:
        importlib.import_module(module)
    except ImportError:
        raise MissingExtra(what=what, extra=extra) from None
