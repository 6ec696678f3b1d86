"""The job request that command-line options describe, and its preview."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qwenq.actions.request import JobRequest
from qwenq.producer.reading import Access, Format
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.wording.output import say

if TYPE_CHECKING:
    from qwenq.exporting.style import KeepColumns
    from qwenq.wording.previews import SeenPreview

_PARAMS = frozenset(GenerationParams.model_fields)


def read_request(files: Sequence[str], options: dict[str, Any]) -> JobRequest:
    """Build the request that the options of `job_options` or `spec_options` describe."""
    params = {name: value for name, value in options.items() if name in _PARAMS}
    rest = {name: value for name, value in options.items() if name not in _PARAMS}
    format_, priority = rest.pop("format_"), Priority(rest.pop("priority"))
    return JobRequest(
        files=files, format=Format(format_) if format_ else None, priority=priority, params=params, **rest
    )


def show_preview(
    request: JobRequest,
    settings: Settings,
    as_json: bool,
    price: float | None = None,
    keep_columns: "KeepColumns" = None,
) -> int:
    """Show the first prompts, what fails, and the size of a job. Stores nothing. `price` is for a device's hour.

    Raises what the job would, also for `keep_columns` that no document has.
    """
    from qwenq.wording.previews import print_preview, show_preview_in_words

    seen = _looked_at(request, settings, price, keep_columns)
    print_preview(seen) if as_json else show_preview_in_words(seen)
    return 0


def _looked_at(
    request: JobRequest, settings: Settings, price: float | None, keep_columns: "KeepColumns"
) -> "SeenPreview":
    from qwenq.actions.expected_work import speed_of
    from qwenq.actions.prompt_tokens import PromptTokens
    from qwenq.exporting.checked_columns import with_kept_columns
    from qwenq.producer.preview import PromptMeasure, preview
    from qwenq.wording.previews import SeenPreview

    spec = request.specify(settings).keeping(keep_columns)
    access = Access.of(settings, follow_links=request.follow_links, allow_partial=request.allow_partial)
    tokens = PromptTokens(spec.model, thinking=spec.params.thinking, most_context=settings.context)
    measure = PromptMeasure(tokens.count, tokens.context)
    found = preview(
        spec,
        request.format,
        sheet=request.sheet,
        access=access,
        tables=request.tables,
        tell=say,
        measure=measure,
        checked=lambda rows: with_kept_columns(rows, keep_columns),
    )
    return SeenPreview(
        found, is_exact=tokens.is_exact, overflow=spec.params.on_overflow, speed=speed_of(settings, spec.model),
        price=price,
    )  # fmt: skip
