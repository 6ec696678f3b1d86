"""How a dry run words what a job would be: its first prompts, what fails, its size, its time."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qwenq.producer.preview import Preview
from qwenq.producer.reading.formats import known_format
from qwenq.producer.reasons import CountedReason
from qwenq.schemas.documents import BadRow, place_of
from qwenq.schemas.generation import Overflow
from qwenq.schemas.views.measured_speed import MeasuredSpeed
from qwenq.wording.numbers import counted, duration, number
from qwenq.wording.output import print_plain_json, show, show_text

_BY_TOKENIZER = "by the model's own tokenizer"
_ESTIMATED = "an estimate, since the model's tokenizer is not on this machine"
_OVERFLOW = {
    Overflow.FAIL: "would fail with too_long; --on-overflow truncate or split answers them",
    Overflow.TRUNCATE: "would lose their end",
    Overflow.SPLIT: "would be answered in parts",
}
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class SeenPreview:
    """A preview, how its tokens were counted, and the model's last measured speed. `price` is for a device's hour."""

    preview: Preview
    is_exact: bool
    overflow: Overflow
    speed: MeasuredSpeed | None
    price: float | None

    @property
    def answered(self) -> int:
        """The documents that would be answered."""
        lost = self.preview.too_long if self.overflow is Overflow.FAIL else 0
        return max(0, self.preview.documents - self.preview.failing - lost)

    @property
    def seconds(self) -> float | None:
        """The device seconds, by the last measured speed."""
        if self.speed is None:
            return None
        return self.speed.seconds_for(self.answered, self.preview.about_prompt_tokens)

    @property
    def cost(self) -> float | None:
        """The price of these seconds."""
        return None if self.seconds is None or self.price is None else self.seconds / _HOUR * self.price


def show_preview_in_words(seen: SeenPreview) -> None:
    """Show the first prompts and what the job would be."""
    found = seen.preview
    for prompt in found.prompts:
        line = "" if _is_file(prompt.custom_id) else f" (line {prompt.line})"
        show(f"── {prompt.custom_id}{line}", bold=True)
        for message in prompt.messages:
            show_text(f"[{message.role}]\n{message.content}")
        if prompt.failure:
            show(f"would fail: {prompt.failure.message}")
        show("")
    for row in found.bad_rows:
        place = "" if _is_file(row.reason.partition(": ")[0]) else f"{_place(row, found.sources)}: "
        show(f"bad row, {place}{row.reason}")
    for reason in found.reasons:
        show(_in_words(reason, found.sources))
    for line in _facts(seen):
        show(line)
    show(
        f"{counted(found.documents, 'document')}, {counted(found.rejected, 'bad row')}, "
        f"about {counted(found.about_prompt_tokens, 'prompt token')}. Nothing was stored."
    )


def _is_file(name: str) -> bool:
    """Whether a document goes by the name of its file: it has no lines, and is one of many."""
    form = known_format(name)
    return form is not None and form.is_document


def _place(row: BadRow, sources: Sequence[str]) -> str:
    return place_of(row.source, row.line, sources)


def print_preview(seen: SeenPreview) -> None:
    """Print it as one JSON document."""
    found = seen.preview
    value: dict[str, Any] = dataclasses.asdict(found)
    value["bad_rows"] = [row._asdict() for row in found.bad_rows]
    value |= {
        "tokens_are_exact": seen.is_exact and found.rendered == found.documents,
        "measured_job": None if seen.speed is None else seen.speed.job_id,
        "device_seconds": seen.seconds,
        "cost": seen.cost,
    }
    print_plain_json(value)


def _in_words(counted: CountedReason, sources: Sequence[str]) -> str:
    if not counted.line:
        return f"{number(counted.documents)}: {counted.reason}"
    where = "such as " * (counted.documents > 1) + place_of(counted.source, counted.line, sources)
    return f"{number(counted.documents)} with {counted.code}, {where}: {counted.reason}"


def _facts(seen: SeenPreview) -> Iterator[str]:
    found = seen.preview
    if found.failing:
        yield f"{counted(found.failing, 'document')} would fail, for the reasons above"
    if found.too_long:
        beyond = f"too long for the model's context of {number(found.context)} tokens"
        yield f"{counted(found.too_long, 'document')} {beyond}: {_OVERFLOW[seen.overflow]}"
    rest = found.documents - found.rendered
    shared = (
        f"; {number(rest)} of the documents are estimated from the first {number(found.rendered)}"
        if rest
        else ""
    )
    yield f"tokens: {_BY_TOKENIZER if seen.is_exact else _ESTIMATED}{shared}"
    yield _time(seen)


def _time(seen: SeenPreview) -> str:
    speed, seconds = seen.speed, seen.seconds
    if speed is None or seconds is None:
        return "time: not known; no job of this model has been measured in this store"
    cost = "" if seen.cost is None else f", about {seen.cost:,.2f} by the price of an hour"
    return (
        f"time: about {duration(seconds)} of one device{cost}, at the {number(speed.tokens_per_second)} tokens/s and "
        f"{number(speed.answer_tokens)} tokens an answer of job {speed.job_id}"
    )
