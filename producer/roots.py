"""Roots: the folders and URLs that schedules may read from and write to. Real paths count."""

import os
from collections.abc import Sequence

from qwenq.producer.object_stores import is_url
from qwenq.schemas.errors import OutsideRoots

INPUT_ROOTS = "QWENQ_INPUT_ROOTS"
OUTPUT_ROOTS = "QWENQ_OUTPUT_ROOTS"
_SAME = {"s3a": "s3", "gcs": "gs"}


def check_within(name: str, roots: Sequence[str], setting: str) -> None:
    """Raise OutsideRoots unless a path or URL lies in one of the roots that a setting names. No roots: everything does.

    Of a path that does not exist yet, the folders that exist count.
    """
    if roots and not any(_holds(root, name) for root in roots):
        raise OutsideRoots(name=name, setting=setting, roots=", ".join(roots))


def is_below(real_path: str, real_folder: str) -> bool:
    """Whether a path is a folder or lies in it. Both are real paths."""
    return real_path == real_folder or real_path.startswith(real_folder.rstrip("/") + "/")


def _holds(root: str, name: str) -> bool:
    if is_url(root) or is_url(name):
        return is_url(root) and is_url(name) and _holds_url(root, name)
    return is_below(os.path.realpath(name), os.path.realpath(root))


def _holds_url(root: str, url: str) -> bool:
    # HTTP libraries resolve dots on their way, so a name with them may be another object.
    dotted = {".", ".."} & set(url.split("/"))
    return not dotted and is_below(_same_spelling(url), _same_spelling(root))


def _same_spelling(url: str) -> str:
    protocol, _, path = url.partition("://")
    protocol = protocol.lower()
    return f"{_SAME.get(protocol, protocol)}://{path}"
