"""The job request that command-line options describe, and its preview."""

from collections.abc import Sequence
from typing import Any

from qwenq.actions.request import JobRequest
from qwenq.producer.preview import Preview, preview
from qwenq.producer.reading import Access, Format
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.wording.numbers import counted
from qwenq.wording.output import print_plain_json, say, show, show_text

_PARAMS = frozenset(GenerationParams.model_fields)


def read_request(files: Sequence[str], options: dict[str, Any]) -> JobRequest:
    """Build the request that the options of `job_options` or `spec_options` describe."""
    params = {name: value for name, value in options.items() if name in _PARAMS}
    rest = {name: value for name, value in options.items() if name not in _PARAMS}
    format_, priority = rest.pop("format_"), Priority(rest.pop("priority"))
    return JobRequest(
        files=files, format=Format(format_) if format_ else None, priority=priority, params=params, **rest
    )


def show_preview(request: JobRequest, settings: Settings, as_json: bool) -> int:
    """Show the first prompts and the size of a job. Stores nothing."""
    spec = request.specify(settings)
    access = Access.of(settings, follow_links=request.follow_links, allow_partial=request.allow_partial)
    found = preview(spec, request.format, sheet=request.sheet, access=access, tables=request.tables, tell=say)
    if as_json:
        _show_as_json(found)
    else:
        _show(found)
    return 0


def _show(found: Preview) -> None:
    for prompt in found.prompts:
        show(f"── {prompt.custom_id} (line {prompt.line})", bold=True)
        for message in prompt.messages:
            show_text(f"[{message.role}]\n{message.content}")
        if prompt.failure:
            show(f"would fail: {prompt.failure.message}")
        show("")
    for row in found.bad_rows:
        show(f"bad row, line {row.line}: {row.reason}")
    show(
        f"{counted(found.documents, 'document')}, {counted(found.rejected, 'bad row')}, "
        f"about {counted(found.about_prompt_tokens, 'prompt token')}. Nothing was stored."
    )


def _show_as_json(found: Preview) -> None:
    import dataclasses

    value = dataclasses.asdict(found)
    value["bad_rows"] = [row._asdict() for row in found.bad_rows]
    print_plain_json(value)
