"""A job as a person requests it, and how it becomes a JobSpec."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwenq.actions.submitters import submitter_of
from qwenq.actions.templates import NamedTemplate, find_template
from qwenq.actions.text_fields import check_name, check_text, storable_name
from qwenq.notices.targets import check_target
from qwenq.producer.reading import Format
from qwenq.schemas.errors import InvalidParameter, InvalidSchema, UnreadableInput, reason_of
from qwenq.schemas.generation import GenerationParams, Overflow, Sampling
from qwenq.schemas.jobs import JobSpec, Priority, PromptSpec
from qwenq.schemas.json_schema.grammar import answer_grammar
from qwenq.schemas.response_format import ResponseFormat
from qwenq.schemas.sampling.settling import advice_of
from qwenq.schemas.settings import Settings
from qwenq.schemas.table_options import TableOptions
from qwenq.schemas.templates.builtin import builtin_templates
from qwenq.schemas.templates.values import OPTION, check_values, with_values

SEEDS = 2**31
LONGEST_KEY = 255
KEY = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{LONGEST_KEY}}}")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as a person asks for it.

    At most one of `template`, `prompt` and `prompt_file` may be given, and one of `merge_prompt` and
    `merge_prompt_file`, which need `on_overflow` to be `split`. The prompts get `values` by name. `notify` holds where
    notices of the job's end go, as in `qwenq.notices.targets`. `params` holds fields of GenerationParams; None means
    not given.
    """

    files: Sequence[str]
    template: str | None = None
    prompt: str | None = None
    prompt_file: Path | None = None
    values: Mapping[str, str | int] | None = None
    merge_prompt: str | None = None
    merge_prompt_file: Path | None = None
    system: str | None = None
    text_column: str = "text"
    id_column: str = "id"
    format: Format | None = None
    sheet: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_rows: int = 0
    columns: str | Sequence[str] | None = None
    name: str | None = None
    priority: Priority = Priority.NORMAL
    json_schema: Path | None = None
    idempotency_key: str | None = None
    reuse: bool = False
    mixed_weights: bool = False
    follow_links: bool = False
    allow_partial: bool = False
    notify: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    def specify(self, settings: Settings) -> JobSpec:
        """Build the job's specification. Raises UsageError: no model, two prompts, a bad parameter."""
        self._check_texts(settings)
        params = GenerationParams().overlaid(_given(self.params.items()) | self._response_format())
        self._check_schema(params.response_format)
        if params.sampling is Sampling.CARD:
            advice_of(model_of(settings), thinking=params.thinking)
        if (params.temperature or params.sampling is not Sampling.GREEDY) and params.seed is None:
            # Drawn once a job, so that a document that runs again gets the same answer.
            params = params.overlaid({"seed": self._drawn_seed()})
        named = self._named_template(settings)
        template, merge = self._with_values(
            self._template_source(named), self._merge_source(named, params.on_overflow)
        )
        return JobSpec(
            model=model_of(settings),
            name=self.name or storable_name(Path(self.files[0]).name or self.files[0]),
            prompt=PromptSpec(
                template=template,
                system=self.system,
                merge=merge,
                named=None if named is None else named.label,
                text_column=self.text_column,
                id_column=self.id_column,
                columns=_columns(self.columns),
            ),
            params=params,
            priority=self.priority,
            sources=tuple(self.files),
            idempotency_key=self.idempotency_key,
            reuse=self.reuse,
            mixed_weights=self.mixed_weights,
            submitter=submitter_of(settings),
            notify=tuple(self.notify),
        )

    def names_used(self, settings: Settings) -> frozenset[str]:
        """The names that its prompts use. Raises UsageError for prompts that cannot be read."""
        named = self._named_template(settings)
        policy = GenerationParams().overlaid(_given(self.params.items())).on_overflow
        return names_in(self._template_source(named)) | names_in(self._merge_source(named, policy))

    @property
    def tables(self) -> TableOptions:
        """How CSV and TSV files are laid out. Raises InvalidParameter."""
        return TableOptions.of(
            delimiter=self.delimiter, encoding=self.encoding, header=self.header, skip_rows=self.skip_rows
        )

    def _check_texts(self, settings: Settings) -> None:
        """Raise InvalidParameter for a text that the stores cannot keep, or that is too long."""
        names = {
            "--model": settings.model,
            "QWENQ_SUBMITTER": settings.submitter,
            "--name": self.name,
            "--template": self.template,
            "--text-column": self.text_column,
            "--id-column": self.id_column,
            "--sheet": self.sheet,
            "--idempotency-key": self.idempotency_key,
        }
        for parameter, value in names.items():
            check_name(parameter, value)
        texts = {
            "--system": self.system,
            "--prompt": self.prompt,
            "--merge-prompt": self.merge_prompt,
        }
        for parameter, value in texts.items():
            check_text(parameter, value)
        stops = self.params.get("stop")
        for stop in stops if isinstance(stops, (list, tuple)) else (stops,):
            if isinstance(stop, str):  # anything else is refused with the other parameters
                check_text("--stop", stop)
        for url in self.notify:
            check_name("--notify", url)
            check_target("--notify", url)
        self._check_key()

    def _check_key(self) -> None:
        if self.idempotency_key is not None and not KEY.fullmatch(self.idempotency_key):
            reason = f"it must have 1 to {LONGEST_KEY} characters, without control characters"
            raise InvalidParameter(name="--idempotency-key", reason=reason)

    def _drawn_seed(self) -> int:
        """A seed for the job: random, or from its idempotency key, so that a repeated request has the same seed."""
        if self.idempotency_key is None:
            return secrets.randbelow(SEEDS)
        digest = hashlib.sha256(self.idempotency_key.encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest()[:8]) % SEEDS

    def _named_template(self, settings: Settings) -> NamedTemplate | None:
        if sum(one is not None for one in (self.template, self.prompt, self.prompt_file)) > 1:
            raise InvalidParameter(
                name="--template, --prompt, --prompt-file", reason="give one of them, not several"
            )
        return None if self.template is None else find_template(self.template, settings)

    def _template_source(self, named: NamedTemplate | None) -> str | None:
        if named is not None:
            return named.text
        return self.prompt if self.prompt_file is None else text_of(self.prompt_file)

    def _with_values(self, template: str | None, merge: str | None) -> tuple[str | None, str | None]:
        """Both prompts with the given values on top. Raises InvalidParameter, InvalidTemplate."""
        if not self.values:
            return template, merge
        if template is None:
            reason = "there is no prompt to use it: give --template, --prompt or --prompt-file"
            raise InvalidParameter(name=OPTION, reason=reason)
        used = names_in(template) | names_in(merge)
        check_values(self.values, used)
        for name, value in self.values.items():
            check_text(f"{OPTION} {name}", str(value))
        return with_values(template or "", self.values), merge and with_values(merge, self.values)

    def _merge_source(self, named: NamedTemplate | None, policy: Overflow) -> str | None:
        """The prompt that merges the answers to the parts of a long document: the given one, or the template's own."""
        names = "--merge-prompt, --merge-prompt-file"
        if self.merge_prompt is not None and self.merge_prompt_file is not None:
            raise InvalidParameter(name=names, reason="give one of them, not both")
        given = self.merge_prompt if self.merge_prompt_file is None else text_of(self.merge_prompt_file)
        if policy is not Overflow.SPLIT:
            if given is not None:
                raise InvalidParameter(
                    name=names, reason="they merge parts: give --on-overflow split as well"
                )
            return None
        own = None if named is None else named.merge
        if given is None and own is None:
            able = ", ".join(template.name for template in builtin_templates() if template.merge)
            reason = (
                "split needs a second prompt, which merges the answers to a document's parts: give "
                f"--merge-prompt or --merge-prompt-file, or use a template that has one ({able})"
            )
            raise InvalidParameter(name="--on-overflow", reason=reason)
        return own if given is None else given

    def _response_format(self) -> dict[str, ResponseFormat]:
        """The response format, if a file with a JSON schema is given."""
        if self.json_schema is None:
            return {}
        if self.params.get("response_format") is not None:
            raise InvalidParameter(
                name="--json-schema, --response-format", reason="give one of them, not both"
            )
        return {"response_format": ResponseFormat.of_schema(text_of(self.json_schema))}

    def _check_schema(self, form: ResponseFormat) -> None:
        if form.schema_text is None:
            return
        try:
            answer_grammar(form.schema_text)
        except InvalidSchema as error:
            name = f"--json-schema {self.json_schema}" if self.json_schema else "response_format"
            raise InvalidParameter(name=name, reason=error.reason) from None


def _columns(given: str | Sequence[str] | None) -> tuple[str, ...] | Literal["all"] | None:
    """The columns to read: a list, or a text with commas between them. Raises InvalidParameter."""
    if given is None or given == "all":
        return None if given is None else "all"
    names = tuple(name.strip() for name in (given.split(",") if isinstance(given, str) else given))
    if not names or "" in names:
        raise InvalidParameter(name="--columns", reason="give names with commas between them, or `all`")
    for name in names:
        check_name("--columns", name)
    return names


def names_in(template: str | None) -> frozenset[str]:
    """The names that a prompt uses; without a template, none. Raises InvalidTemplate."""
    from qwenq.schemas.prompts.compiled import compiled

    return frozenset() if template is None else compiled(template).names


def text_of(file: Path) -> str:
    """Read a text file. Raises UnreadableInput, and InvalidParameter for a text that is too long."""
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not valid UTF-8 (byte {error.start + 1})"
        raise UnreadableInput(source=str(file), reason=reason) from None
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=str(file), reason=reason_of(error)) from None
    check_text(str(file), text)
    return text


def model_of(settings: Settings) -> str:
    """The settings' model; a folder by its full path, so that producers and workers agree. Raises InvalidParameter."""
    if not settings.model:
        reason = "no model is given; give a hub id or a folder, or set QWENQ_MODEL"
        raise InvalidParameter(name="--model", reason=reason)
    check_name("--model", settings.model)
    folder = Path(settings.model)
    return str(folder.resolve()) if folder.is_dir() else settings.model


def _given(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in items if value is not None and value != ()}
