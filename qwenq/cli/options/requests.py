"""From the options of `run` and `submit` to a request, and its preview."""

from collections.abc import Sequence
from typing import Any

import click

from qwenq.actions.request import JobRequest
from qwenq.producer.preview import Preview, preview
from qwenq.producer.reading import Format
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings

_PARAMS = frozenset(GenerationParams.model_fields)


def read_request(files: Sequence[str], options: dict[str, Any]) -> JobRequest:
    """The request that the options of `job_options` spell."""
    params = {name: value for name, value in options.items() if name in _PARAMS}
    rest = {name: value for name, value in options.items() if name not in _PARAMS}
    format_, priority = rest.pop("format_"), Priority(rest.pop("priority"))
    return JobRequest(
        files=files, format=Format(format_) if format_ else None, priority=priority, params=params, **rest
    )


def show_preview(request: JobRequest, settings: Settings, as_json: bool) -> int:
    """Show what a job would be. Nothing is stored."""
    spec = request.specify(settings)
    seen = preview(spec, request.format, sheet=request.sheet)
    if as_json:
        _tell_as_json(seen)
    else:
        _tell(seen)
    return 0


def _tell(seen: Preview) -> None:
    for prompt in seen.prompts:
        click.secho(f"── {prompt.custom_id} (line {prompt.line})", bold=True)
        for message in prompt.messages:
            click.echo(f"[{message.role}]\n{message.content}")
        if prompt.failure:
            click.echo(f"would fail: {prompt.failure.message}")
        click.echo()
    for row in seen.bad_rows:
        click.echo(f"bad row, line {row.line}: {row.reason}")
    click.echo(
        f"{seen.documents:,} documents, {seen.rejected:,} bad rows, about {seen.about_prompt_tokens:,} "
        "prompt tokens. Nothing was stored."
    )


def _tell_as_json(seen: Preview) -> None:
    import dataclasses

    import orjson

    value = dataclasses.asdict(seen)
    value["bad_rows"] = [row._asdict() for row in seen.bad_rows]
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
