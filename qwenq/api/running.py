"""Answer documents now, with nothing running before or after."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from qwenq.api.given import Documents, check_options, given
from qwenq.api.lines import Answers
from qwenq.api.opened import with_model
from qwenq.schemas.settings import Settings


def run(
    documents: Documents,
    *,
    model: str | None = None,
    template: str | None = None,
    prompt: str | None = None,
    values: Mapping[str, str | int] | None = None,
    merge_prompt: str | None = None,
    system: str | None = None,
    text_column: str = "text",
    id_column: str = "id",
    sheet: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    skip_rows: int = 0,
    columns: Sequence[str] | Literal["all"] | None = None,
    keep_columns: Sequence[str] | Literal["all"] | None = None,
    name: str | None = None,
    reuse: bool = False,
    mixed_weights: bool = False,
    follow_links: bool = False,
    allow_partial: bool = False,
    settings: Settings | None = None,
    **params: Any,
) -> Answers:
    """Answer documents now, as `qwenq run` does: with a Redis, a store and a worker of its own, stopped at its end.

    Takes what `submit` takes. Shows its progress on standard error. All answers are held in memory: for more documents
    than that, use `submit`, `wait` and `results`. `keep_columns` are columns of the input that go along in `rows()`
    and `to_pandas()`. After an interrupt, the same call over the same files goes on where it stopped; rows begin anew.
    Raises UsageError, ServiceAway (ModelUnavailable for a model that cannot be loaded).
    """
    from qwenq.actions.request import JobRequest
    from qwenq.embedded.one_shot import answer_here

    found = given(documents)
    request = JobRequest(
        files=found.files,
        template=template,
        prompt=prompt,
        values=values,
        merge_prompt=merge_prompt,
        system=system,
        text_column=text_column,
        id_column=id_column,
        sheet=sheet,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skip_rows,
        columns=columns,
        name=name,
        reuse=reuse,
        mixed_weights=mixed_weights,
        follow_links=follow_links,
        allow_partial=allow_partial,
        params=params,
    )
    if found.rows is not None:
        check_options(request)
    keep = keep_columns if keep_columns is None or keep_columns == "all" else tuple(keep_columns)
    ended = answer_here(request, with_model(settings, model), found.rows, keep)
    return Answers(ended.status, ended.results, ended.errors, ended.sheet)
