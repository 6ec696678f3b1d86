"""Which columns of a Parquet file a job needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwenq.schemas.documents import ID_COLUMNS
from qwenq.schemas.errors import InvalidTemplate

if TYPE_CHECKING:  # the reader process must start quickly
    from qwenq.schemas.jobs import PromptSpec

_NOT_COLUMNS = frozenset({"parts", "part_count"})


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """The columns that a job names; None if it may use all. `ids` are read beside them.

    With `only`, a person named them. Else the prompt does, and all are read if the file lacks one of them: a message
    then shows what there is.
    """

    names: tuple[str, ...] | None = None
    ids: tuple[str, ...] = ()
    only: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a person named."""
        return (self.names or ()) if self.only else ()

    def among(self, columns: Sequence[str], *, are_conversations: bool) -> Sequence[str]:
        """Those of a file's columns that are read; all of conversations, which have parameters beside them."""
        if self.names is None:
            return columns
        if not self.only and (are_conversations or not set(columns).issuperset(self.names)):
            return columns
        read = {*self.names, *self.ids}
        return [column for column in columns if column in read]

    def as_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return {"names": self.names, "ids": self.ids, "only": self.only}

    @classmethod
    def from_json(cls, asked: dict[str, Any]) -> "WantedColumns":
        """What `as_json` gave."""
        names = None if asked["names"] is None else tuple(asked["names"])
        return cls(names, tuple(asked["ids"]), asked["only"])


EVERY_COLUMN = WantedColumns()


def wanted_columns(prompt: "PromptSpec") -> WantedColumns:
    """The columns that `--columns` names, else those that the prompt names, as far as that is known."""
    ids = (prompt.id_column, *ID_COLUMNS)
    text = (prompt.text_column,) if prompt.template is None else ()
    if prompt.columns == "all":
        return WantedColumns(None, ids, only=True)
    if prompt.columns is not None:
        return WantedColumns((*prompt.columns, *text), ids, only=True)
    named = {*text, *_named(prompt.template), *_named(prompt.merge)}
    return WantedColumns(None if "row" in named else tuple(sorted(named)), ids)


def _named(template: str | None) -> frozenset[str]:
    """The names that a template uses; none of a text that is no template, which is refused elsewhere."""
    if template is None:
        return frozenset()
    from qwenq.schemas.prompts.template import Template

    try:
        compiled = Template(template)
    except InvalidTemplate:
        return frozenset()
    names = compiled.names - _NOT_COLUMNS
    if "row" not in names or compiled.used.whole:
        return names
    return (names - {"row"}) | compiled.used.names
