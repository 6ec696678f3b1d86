"""From what a person asks for to a job's specification."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from producer.reading import Format
from schemas.builtin_templates import builtin_template
from schemas.errors import InvalidParameter, UnreadableInput, reason_of
from schemas.generation import GenerationParams
from schemas.jobs import JobSpec, Priority, PromptSpec
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as a person asks for it. At most one of `template`, `prompt` and `prompt_file` is given.

    `params` holds generation parameters by their names in GenerationParams; None means: not given.
    """

    files: Sequence[str]
    template: str | None = None
    prompt: str | None = None
    prompt_file: Path | None = None
    system: str | None = None
    text_column: str = "text"
    id_column: str = "id"
    format: Format | None = None
    name: str | None = None
    priority: Priority = Priority.NORMAL
    params: Mapping[str, Any] = field(default_factory=dict)

    def specify(self, settings: Settings) -> JobSpec:
        """The job's specification. Raises UsageError: no model, two prompts, a bad parameter, no such template."""
        params = GenerationParams().overlaid(_given(self.params.items()))
        if params.temperature > 0 and params.seed is None:
            # Drawn once, so that a document that is answered again gets the same answer.
            params = params.overlaid({"seed": secrets.randbelow(2**31)})
        return JobSpec(
            model=model_of(settings),
            name=self.name or Path(self.files[0]).name,
            prompt=PromptSpec(
                template=self._template_source(),
                system=self.system,
                text_column=self.text_column,
                id_column=self.id_column,
            ),
            params=params,
            priority=self.priority,
            sources=tuple(self.files),
        )

    def _template_source(self) -> str | None:
        if sum(one is not None for one in (self.template, self.prompt, self.prompt_file)) > 1:
            raise InvalidParameter(
                name="--template, --prompt, --prompt-file", reason="give one of them, not several"
            )
        if self.template is not None:
            return builtin_template(self.template).text
        if self.prompt_file is None:
            return self.prompt
        try:
            return self.prompt_file.read_text("utf-8")
        except UnicodeDecodeError as error:
            reason = f"not valid UTF-8 (byte {error.start + 1})"
            raise UnreadableInput(source=str(self.prompt_file), reason=reason) from None
        except (OSError, ValueError) as error:
            reason = reason_of(error)
            raise UnreadableInput(source=str(self.prompt_file), reason=reason) from None


def model_of(settings: Settings) -> str:
    """The model that the settings name; a folder by its full path, so that producers and workers agree."""
    if not settings.model:
        reason = "no model is named; give a hub id or a folder, or set QWENQ_MODEL"
        raise InvalidParameter(name="--model", reason=reason)
    folder = Path(settings.model)
    return str(folder.resolve()) if folder.is_dir() else settings.model


def _given(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in items if value is not None and value != ()}
