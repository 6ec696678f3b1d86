"""Who owns a file or a folder, and whether other users of the machine can write to it or enter it."""

import grp
import os
import pwd
import stat

ROOT = 0


def foreign_owner(found: os.stat_result) -> str | None:
    """The name of the owner; None if it is this user or root, who can do everything anyway."""
    if found.st_uid in {os.geteuid(), ROOT}:
        return None
    try:
        return pwd.getpwuid(found.st_uid).pw_name
    except KeyError:  # in a container, a user may have a number and no name
        return f"user {found.st_uid}"


def others_may_write(found: os.stat_result) -> bool:
    """Whether anybody but the owner may write to a file, or replace files of a folder."""
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return False  # as in /tmp: everybody may add files, and only owners may replace theirs
    return _others_may(found, stat.S_IWGRP, stat.S_IWOTH)


def others_may_enter(found: os.stat_result) -> bool:
    """Whether anybody but the owner may open the files of a folder."""
    return _others_may(found, stat.S_IXGRP, stat.S_IXOTH)


def _others_may(found: os.stat_result, group_bit: int, others_bit: int) -> bool:
    if found.st_mode & others_bit:
        return True
    return bool(found.st_mode & group_bit) and not _is_private_group(found.st_gid, found.st_uid)


def _is_private_group(group_id: int, user_id: int) -> bool:
    """Whether a group is a user's own, as most Linux systems make one for each user (and umask 002 goes with it)."""
    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(user_id)
    except KeyError:
        return False
    is_primary = user.pw_gid == group_id and user.pw_name == group.gr_name
    return is_primary and not set(group.gr_mem) - {user.pw_name}
