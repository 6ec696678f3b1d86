"""Store documents as a job for the workers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from qwenq.api.given import Documents, check_options, given
from qwenq.api.opened import with_model
from qwenq.api.standing import status
from qwenq.schemas.jobs import JobStatus, Priority
from qwenq.schemas.settings import Settings


def submit(
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
    name: str | None = None,
    priority: Priority = Priority.NORMAL,
    idempotency_key: str | None = None,
    reuse: bool = False,
    mixed_weights: bool = False,
    follow_links: bool = False,
    allow_partial: bool = False,
    notify: Sequence[str] = (),
    settings: Settings | None = None,
    **params: Any,
) -> JobStatus:
    """Store documents as a job and announce it to the workers. `params` are the fields of GenerationParams.

    `documents` are a file or several, or rows: any iterable of dicts, or a DataFrame of pandas or polars. Rows are read
    one at a time; a row's number is its line.
    A file may also be a pattern, a folder or a URL. `sheet` names a sheet of spreadsheets; "all" reads all. The layout
    of CSV and TSV files is found out, or given with `delimiter`, `encoding`, `header` (False: there is none) and
    `skip_rows`. `columns` are the columns of Parquet files to read, or "all" (default: those that the prompt names).
    With `follow_links`, links in folders are read even if they lead out of them.
    With `allow_partial`, a PDF is read without the pages that cannot be read, such as scans.
    `template` names a built-in or saved prompt, also as "name@version". `values` are given to the prompt by name, for
    all documents alike.
    With `on_overflow="split"`, `merge_prompt` merges the answers to the parts of a long document; some templates have
    such a prompt.
    With an `idempotency_key`, the same request is stored once: later calls return the first job, and another request
    under the same key is refused. With `reuse`, answers to identical documents of earlier jobs are reused.
    With `mixed_weights`, other weights of the model may go on with the job; otherwise a worker with other weights than
    those of its first answers pauses it.
    Each URL of `notify` gets a notice when the job has ended: https://…, slack:https://…, teams:https://…, mailto:…
    A broker that is away is no error: the job is announced when it is back. Raises UsageError, StoreAway.
    """
    from qwenq.actions.request import JobRequest
    from qwenq.producer.enqueuing import enqueue_input, enqueue_rows

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
        priority=priority,
        idempotency_key=idempotency_key,
        reuse=reuse,
        mixed_weights=mixed_weights,
        follow_links=follow_links,
        allow_partial=allow_partial,
        notify=notify,
        params=params,
    )
    settings = with_model(settings, model)
    if found.rows is not None:
        check_options(request)
        enqueued = enqueue_rows(settings, request.specify(settings), found.rows)
    else:
        enqueued = enqueue_input(
            settings,
            request.specify(settings),
            sheet=request.sheet,
            follow_links=request.follow_links,
            tables=request.tables,
            allow_partial=request.allow_partial,
        )
    return status(enqueued.job_id, settings=settings)
