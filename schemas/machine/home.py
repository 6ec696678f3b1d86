"""The home folder: whether somebody else may have put it there, and whether others can enter it."""

from pathlib import Path

from qwenq.schemas.errors import UntrustedHome
from qwenq.schemas.machine.ownership import foreign_owner, others_may_enter, others_may_write


def require_own(home: Path) -> None:
    """Raise UntrustedHome if the folder exists and belongs to somebody else, or others can write to it."""
    try:
        link, folder = home.lstat(), home.stat()
    except OSError:
        return  # it will be made, or what needs it says why it cannot be
    if owner := foreign_owner(link) or foreign_owner(folder):
        raise UntrustedHome(home=str(home), reason=f"it belongs to {owner}")
    if others_may_write(folder):
        raise UntrustedHome(home=str(home), reason=f"others can write to it (`chmod 700 {home}` ends that)")


def is_open(home: Path) -> bool:
    """Whether others can enter the folder, if it exists."""
    try:
        return others_may_enter(home.stat())
    except OSError:
        return False
