"""A hub model's name: its repository, and the revision after an @, such as `Qwen/Qwen3-8B@main`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")
_REVISION = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")


@dataclass(frozen=True, slots=True)
class HubName:
    """A repository of the hub, or a folder. `revision` is a commit, branch or tag; None is the newest commit."""

    repository: str
    revision: str | None = None

    @classmethod
    def of(cls, model: str) -> Self:
        """Split a model's name. A folder that exists is taken whole, whatever its name is."""
        repository, at, revision = model.partition("@")
        return cls(model) if not at or Path(model).is_dir() else cls(repository, revision)

    @property
    def is_valid(self) -> bool:
        """Whether the hub may have a model of this name."""
        return bool(
            _REPOSITORY.fullmatch(self.repository)
            and (self.revision is None or _REVISION.fullmatch(self.revision))
        )
