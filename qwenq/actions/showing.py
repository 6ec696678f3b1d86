"""One document of a job with the prompt that the model sees, its answer, and its attempts."""

from qwenq.actions.prompt_tokens import PromptTokens
from qwenq.schemas.errors import DocumentFailed, UnknownDocument, UnknownJob
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.results import Failure
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.job_pages import JobDetails
from qwenq.schemas.views.shown_document import ShownDocument, ShownMessage, ShownPrompt, StoredDocument
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.answers.shown import places_of, some_ids, stored_document
from qwenq.store.views.jobs.details import job_details


def show_documents(settings: Settings, job_id: int, name: str) -> list[ShownDocument]:
    """The document with this id; without one, the bad rows on the line that it names.

    Raises UnknownJob, UnknownDocument, StoreAway.
    """
    with open_made_store(settings) as store, store.reading() as connection:
        details = job_details(connection, job_id)
        if details is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        places = places_of(connection, job_id, name)
        if not places:
            ids = ", ".join(some_ids(connection, job_id, name)) or "none yet"
            raise UnknownDocument(job_id=job_id, custom_id=name, ids=ids)
        found = [stored_document(connection, job_id, place) for place in places]
    return [_with_prompt(stored, content, details, settings) for stored, content in found]


def prompt_in_messages(spec: PromptSpec, content: str) -> ShownPrompt:
    """The messages that the model gets for a whole document, without its chat template."""
    try:
        messages = PromptTemplate.from_spec(spec).render(content).prompt.messages
    except DocumentFailed as error:
        return ShownPrompt(failure=Failure(error.code, str(error)))
    return ShownPrompt(messages=_said(messages))


def _with_prompt(
    stored: StoredDocument, content: str, details: JobDetails, settings: Settings
) -> ShownDocument:
    seen = _Prompts(stored.model, details, settings)
    if stored.custom_id is None:  # a bad row, which never had a prompt
        return ShownDocument(**dict(stored), prompt=ShownPrompt())
    return ShownDocument(
        **dict(stored),
        prompt=seen.whole(content),
        part_prompts=seen.of_parts(content, stored),
        notes=seen.notes(stored),
    )


class _Prompts:
    """Renders the prompts of a job's documents again, as the worker does."""

    def __init__(self, model: str, details: JobDetails, settings: Settings) -> None:
        self._template = PromptTemplate.from_spec(details.prompt)
        self._tokens = PromptTokens(model, thinking=details.params.thinking, most_context=settings.context)
        self._count: int | None = None

    def whole(self, content: str) -> ShownPrompt:
        """The prompt with the whole document."""
        try:
            rendered = self._template.render(content)
        except DocumentFailed as error:
            return ShownPrompt(failure=Failure(error.code, str(error)))
        messages = rendered.prompt.messages
        shown = self._shown(messages)
        self._count = self._tokens.count(messages) if shown.text is not None else None
        return shown

    def of_parts(self, content: str, stored: StoredDocument) -> tuple[ShownPrompt, ...]:
        """The prompts of the parts of the document itself."""
        parts = [part for part in stored.part_answers if part.level == 0]
        if not parts:
            return ()
        document = self._template.document(content)
        return tuple(self._shown(document.between(part.first_char, part.last_char + 1)) for part in parts)

    def notes(self, stored: StoredDocument) -> tuple[str, ...]:
        """What a person should know who reads the prompt."""
        found = []
        if stored.part_answers:
            found.append("the document was too long: the model saw it in parts, and merged their answers")
        elif stored.answer is not None and self._count is not None:
            asked = stored.answer.usage.prompt_tokens
            if asked < self._count and stored.answer.reused_from is None:
                found.append(f"the model saw only its first part: {asked:,} of {self._count:,} tokens")
        return tuple(found)

    def _shown(self, messages: tuple[Message, ...]) -> ShownPrompt:
        return ShownPrompt(messages=_said(messages), text=self._tokens.text(messages))


def _said(messages: tuple[Message, ...]) -> tuple[ShownMessage, ...]:
    return tuple(ShownMessage(role=message.role, content=message.content) for message in messages)
