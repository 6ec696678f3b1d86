"""Packages that come with an extra: looked for before anything is read."""

import importlib

from qwenq.schemas.errors import MissingExtra


def require(module: str, extra: str, what: str) -> None:
    """Raise MissingExtra, in which `what` needs the extra, unless the module is there."""
    try:
        importlib.import_module(module)
    except ImportError:
        raise MissingExtra(what=what, extra=extra) from None
