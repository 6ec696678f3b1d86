"""How `qwenq show` words one document: its prompt, its answer, what it took."""

from collections.abc import Iterator

from qwenq.schemas.results import Usage
from qwenq.schemas.views.shown_document import ShownAnswer, ShownDocument, ShownPrompt
from qwenq.wording.numbers import counted, moment, number, precise_duration
from qwenq.wording.output import show, show_text


def show_document(document: ShownDocument) -> None:
    """Print a document on stdout."""
    if document.custom_id is not None:
        _show_prompt("prompt", document.prompt)
    for note in document.notes:
        show(f"note: {note}")
    first_level = [part for part in document.part_answers if part.level == 0]
    for part, prompt in zip(first_level, document.part_prompts, strict=True):
        _show_prompt(f"prompt of part {part.part + 1}", prompt)
    for part in document.part_answers:
        what = f"part {part.part + 1}" if part.level == 0 else f"merge {part.part + 1} of level {part.level}"
        _heading(f"answer to {what} (characters {part.first_char:,} to {part.last_char:,})")
        show_text(part.text)
        show(f"{part.finish_reason}; {_usage(part.usage)}")
    if document.answer is not None:
        _show_answer(document.answer)
    _heading("document")
    for name, fact in _facts(document):
        show(f"{name:9} {fact}")


def _heading(text: str) -> None:
    show(f"── {text}", bold=True)


def _show_prompt(name: str, prompt: ShownPrompt) -> None:
    if prompt.failure is not None:
        _heading(name)
        show(f"there is none: {prompt.failure.message}")
    elif prompt.text is not None:
        _heading(f"{name}, as the model sees it")
        show_text(prompt.text)
    else:
        _heading(f"{name}; the model's chat template is not on this machine")
        for message in prompt.messages:
            show_text(f"[{message.role}]\n{message.content}")


def _show_answer(answer: ShownAnswer) -> None:
    if answer.reasoning is not None:
        _heading("reasoning")
        show_text(answer.reasoning)
    _heading("answer")
    show_text(answer.text)


def _facts(document: ShownDocument) -> Iterator[tuple[str, str]]:
    yield "id", "-" if document.custom_id is None else document.custom_id
    yield "job", str(document.job_id)
    yield "input", f"{document.source}, line {document.line}"
    yield "state", document.state
    yield "model", document.model
    answer = document.answer
    if answer is not None:
        yield "finish", answer.finish_reason
        yield "tokens", _usage(answer.usage)
        if answer.reused_from is not None:
            yield "reused", f"from job {answer.reused_from}"
        worker = answer.worker or "an unknown worker"
        yield "answered", f"{moment(answer.answered_at)} by {worker}, in {precise_duration(answer.seconds)}"
    if document.parts > 1:
        yield "parts", str(document.parts)
    crashes = (
        f"; since its last outcome, its worker died {counted(document.crashes, 'time')}"
        if document.crashes
        else ""
    )
    yield "attempts", f"{document.attempts} of its chunk{crashes}"
    if document.error is not None:
        yield "error", f"{document.error.code}: {document.error.message}"
    for past in document.earlier:
        yield f"round {past.round}", f"{past.error.code}: {past.error.message} ({moment(past.failed_at)})"
    if document.repeats:
        yield "repeated", f"{', '.join(document.repeats)}: bad rows, since ids must be unique in a job"


def _usage(usage: Usage) -> str:
    prefix = f" ({number(usage.prefix_tokens)} of a shared prefix)" if usage.prefix_tokens else ""
    reasoning = f" ({number(usage.reasoning_tokens)} of reasoning)" if usage.reasoning_tokens else ""
    return f"{number(usage.prompt_tokens)} in{prefix}, {number(usage.completion_tokens)} out{reasoning}"
