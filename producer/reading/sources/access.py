"""Which files may be read: where they may lie, and whether links are followed."""

import os
from dataclasses import dataclass
from typing import Self

from qwenq.producer.roots import INPUT_ROOTS, check_within, is_below
from qwenq.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Bounds:
    """Folders, by their real paths, that a file must lie in; `refusal` is what to say of one that does not."""

    folders: tuple[str, ...]
    refusal: str

    def hold(self, real_path: str) -> bool:
        """Whether a real path lies in one of the folders."""
        return any(is_below(real_path, folder) for folder in self.folders)


@dataclass(frozen=True, slots=True)
class Access:
    """What a job may read. `roots` are the folders and URLs that its inputs must lie in; () is everywhere.

    `unpacked_bytes` is the most that its compressed files may hold together.
    A file that a folder or a pattern gave may be a link only to a file in the same folder, unless `follow_links`.
    A document with pages that cannot be read is refused, unless `allow_partial`.
    """

    follow_links: bool = False
    roots: tuple[str, ...] = ()
    unpacked_bytes: int | None = None
    allow_partial: bool = False

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        follow_links: bool,
        allow_partial: bool = False,
        roots: tuple[str, ...] = (),
    ) -> Self:
        """What a job may read with these settings. Roots are given for schedules only: a person reads as themself."""
        return cls(follow_links, roots, settings.max_job_bytes, allow_partial)

    def check(self, name: str) -> None:
        """Raise OutsideRoots unless a file, a folder or a URL lies in a root."""
        check_within(name, self.roots, INPUT_ROOTS)

    def bounds_of_named(self) -> Bounds | None:
        """Where a file may lie that was named itself. None: anywhere, and it may be a pipe."""
        return self._roots() if self.roots else None

    def bounds_of_found(self, base: str) -> Bounds:
        """Where a file may lie that a folder or a pattern gave; `base` is the folder that holds the files."""
        if not self.follow_links:
            where = base or "the working folder"
            return Bounds(
                (os.path.realpath(base),), f"it is a link that leads out of {where}; --follow-links reads it"
            )
        return self._roots() if self.roots else Bounds(("/",), "")

    def _roots(self) -> Bounds:
        folders = tuple(os.path.realpath(root) for root in self.roots)
        return Bounds(folders, f"it lies outside of {INPUT_ROOTS} ({', '.join(self.roots)})")


ANYWHERE = Access()
