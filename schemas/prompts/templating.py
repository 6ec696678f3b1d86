"""Render a document's columns to the prompt that the model sees, by its job's PromptSpec.

    row                           without a template             with a template
    columns                       the text column                the template's text
    {"messages": [...]}           the messages themselves        the template's text
    OpenAI Batch line             the body's messages            the template's text

is the user message. The job's system message comes first, unless the row has its own. For a row with messages, the
template sees them as `messages`, and the user's last message as the text column. Every template also sees `row`, for
column names that are not identifiers: `{{ row["Invoice No."] }}`.

A document without text is not asked about: the model would invent an answer.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import orjson

from qwenq.schemas.documents import ID_COLUMNS
from qwenq.schemas.errors import DocumentFailed, EmptyDocument, EmptyPrompt, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.chat_rows import ChatRow, chat_row, cut_last_of_user, last_of_user
from qwenq.schemas.prompts.messages import DocumentInPrompt, Message, Prompt, is_blank

if TYPE_CHECKING:
    from qwenq.schemas.prompts.template import ChunkRendering, Template

BATCH_DOCUMENTS = 64
"""How many documents a confined process is asked to render at once."""
BESIDE = frozenset({*ID_COLUMNS, "file", "path", "pages"})
"""Columns that say where a document is from, not what is in it."""
_LONG_NUMBER = 2.0**63
_NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document's prompt, and its own generation parameters, which override the job's with `overlaid`."""

    prompt: Prompt
    overrides: Mapping[str, Any]


class PromptTemplate:
    """A job's prompt: compiled once, rendered for each document."""

    def __init__(self, spec: PromptSpec, template: "Template | None") -> None:
        self._template = template
        self._text_column = spec.text_column
        self._beside = BESIDE | {spec.id_column}
        self._system: tuple[Message, ...] = ()
        if spec.system is not None:
            self._system = (Message("system", spec.system),)

    @classmethod
    def from_spec(cls, spec: PromptSpec) -> Self:
        """Compile the job's template, if any. Raises InvalidTemplate."""
        if spec.template is None:
            return cls(spec, None)
        from qwenq.schemas.prompts.template import Template

        return cls(spec, Template(spec.template))

    def render(self, content: str | Mapping[str, Any]) -> RenderedDocument:
        """Render the prompt for one document, given as JSON text or as columns.

        Raises PromptFailed, EmptyPrompt, and InvalidRow for an invalid conversation.
        """
        return _rendered(*self._in_prompt(*self._read(content)))

    def render_all(self, contents: Iterable[str]) -> Iterator[RenderedDocument | DocumentFailed]:
        """Render documents in order. Reads some ahead where a confined process renders them."""
        if self._template is None:
            yield from map(self._tried, contents)
            return
        waiting, rendering = iter(contents), self._template.of_chunk()
        if self._template.is_plain:
            yield from (self._in_order(self._template, rendering, content) for content in waiting)
            return
        while batch := list(islice(waiting, BATCH_DOCUMENTS)):
            yield from self._in_batch(self._template, rendering, batch)

    def document(self, content: str | Mapping[str, Any]) -> DocumentInPrompt:
        """The document inside its prompt, so that it can be asked in parts. Raises what `render` raises."""
        return self._in_prompt(*self._read(content))[0]

    def columns(self, content: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """What a template sees of this document: values by name."""
        columns, chat = self._read(content)
        return columns if chat is None else _Conversation(columns, chat, self._text_column).between(0, None)

    @property
    def names_nothing(self) -> bool:
        """Whether there is a template and it uses no name."""
        return self._template is not None and not self._template.names

    def names_column(self, name: str) -> bool:
        """Whether the template reads a column of this name, not only a member of another value."""
        return self._template is None or name in self._template.used.names

    def hidden_columns(self, content: str | Mapping[str, Any]) -> frozenset[str]:
        """Columns of this document that the template does not see, because it sets their names itself."""
        if self._template is None or not self._template.constants:
            return frozenset()
        return self._template.constants & self.columns(content).keys()

    def missing_column(self, content: str | Mapping[str, Any]) -> str | None:
        """A name that the template uses and this document lacks; None if nothing is missing."""
        if self._template is None:
            return None
        return self._template.undefined_name(self.columns(content))

    def _read(self, content: str | Mapping[str, Any]) -> tuple[Mapping[str, Any], ChatRow | None]:
        columns = _loaded(content) if isinstance(content, str) else content
        if not isinstance(columns, Mapping):
            raise PromptFailed(reason="the document is not a JSON object")
        if "messages" in columns or "body" in columns:
            return columns, chat_row(columns, as_columns=self._template is not None)
        return columns, None

    def _tried(self, content: str) -> RenderedDocument | DocumentFailed:
        try:
            return self.render(content)
        except DocumentFailed as error:
            return error

    def _in_order(
        self, template: "Template", rendering: "ChunkRendering", content: str
    ) -> RenderedDocument | DocumentFailed:
        try:
            one = self._seen(template, *self._read(content))
        except DocumentFailed as error:
            return error
        return one.rendered(template, rendering.plain_text(one.values.between(0, None)))

    def _in_batch(
        self, template: "Template", rendering: "ChunkRendering", contents: Sequence[str]
    ) -> Iterator[RenderedDocument | DocumentFailed]:
        seen = [self._seen_or_failed(template, content) for content in contents]
        texts = rendering.texts([one.values.between(0, None) for one in seen if isinstance(one, _Seen)])
        for one in seen:
            yield one if isinstance(one, DocumentFailed) else one.rendered(template, next(texts))

    def _in_prompt(
        self, columns: Mapping[str, Any], chat: ChatRow | None
    ) -> tuple[DocumentInPrompt, ChatRow | None]:
        if self._template is not None:
            return self._seen(self._template, columns, chat).document(self._template), chat
        return (self._in_text(columns) if chat is None else self._in_messages(chat)), chat

    def _in_text(self, columns: Mapping[str, Any]) -> DocumentInPrompt:
        text = columns.get(self._text_column)
        if not isinstance(text, str):
            raise PromptFailed(reason=f"the column {self._text_column!r} holds no text")

        def between(first: int, last: int | None) -> tuple[Message, ...]:
            return (*self._system, Message("user", text[first:last]))

        return DocumentInPrompt(text, self._system, between)

    def _in_messages(self, chat: ChatRow) -> DocumentInPrompt:
        said = chat.messages if chat.system else (*self._system, *chat.messages)
        document = said[last_of_user(said)].content
        return DocumentInPrompt(document, chat.system or self._system, partial(cut_last_of_user, said))

    def _seen_or_failed(self, template: "Template", content: str) -> "_Seen | DocumentFailed":
        try:
            return self._seen(template, *self._read(content))
        except DocumentFailed as error:
            return error

    def _seen(self, template: "Template", columns: Mapping[str, Any], chat: ChatRow | None) -> "_Seen":
        empty = None
        if chat is None:
            empty = template.used.emptiness(columns, self._text_column, self._beside)
        elif not any(said.asks and said.content.strip() for said in chat.messages):
            empty = "the user says nothing"
        if empty is not None:
            raise EmptyDocument(reason=empty)
        if chat is None:
            return _Seen(_Columns(columns, self._document_column(template, columns)), self._system, chat)
        return _Seen(_Conversation(columns, chat, self._text_column), chat.system or self._system, chat)

    def _document_column(self, template: "Template", columns: Mapping[str, Any]) -> str:
        """The column that holds the document: the text column, else the longest text that the template uses."""
        if isinstance(columns.get(self._text_column), str):
            return self._text_column
        used = columns if template.used.whole else template.used.names
        texts = [name for name in sorted(used) if isinstance(columns.get(name), str)]
        return max(texts, key=lambda name: len(columns[name]), default="")


@dataclass(frozen=True, slots=True)
class _Columns:
    """What a template sees of a row of plain columns; `document` is the column that may be cut, or ""."""

    columns: Mapping[str, Any]
    document: str

    @property
    def text(self) -> str:
        text = self.columns[self.document] if self.document else ""
        return str(text)

    def between(self, first: int, last: int | None) -> Mapping[str, Any]:
        """The columns, with only these characters of the document; None is its end."""
        if not self.document or (not first and last is None):
            return self.columns
        return {**self.columns, self.document: self.text[first:last]}


@dataclass(frozen=True, slots=True)
class _Conversation:
    """What a template sees of a row with messages; the user's last message is the document."""

    columns: Mapping[str, Any]
    chat: ChatRow
    text_column: str

    @property
    def text(self) -> str:
        return self.chat.messages[last_of_user(self.chat.messages)].content

    def between(self, first: int, last: int | None) -> Mapping[str, Any]:
        """The columns and the messages, with only these characters of the document; None is its end."""
        messages = cut_last_of_user(self.chat.messages, first, last)
        listed = [{"role": said.role, "content": said.content} for said in messages]
        return {self.text_column: self.text[first:last], **self.columns, "messages": listed}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row as a template sees it, with the system messages before it."""

    values: _Columns | _Conversation
    system: tuple[Message, ...]
    chat: ChatRow | None

    def document(self, template: "Template") -> DocumentInPrompt:
        """The document inside its prompt; each call of `between` renders."""
        return DocumentInPrompt(
            self.values.text,
            self.system,
            lambda first, last: self.around(template.text(self.values.between(first, last))),
        )

    def rendered(self, template: "Template", text: str | PromptFailed) -> RenderedDocument | DocumentFailed:
        """The prompt with the template's text; why not, if there is no text or an empty one."""
        if isinstance(text, PromptFailed):
            return text
        try:
            return _rendered(self.document(template), self.chat, self.around(text))
        except DocumentFailed as error:
            return error

    def around(self, text: str) -> tuple[Message, ...]:
        """The conversation with the template's text."""
        return (*self.system, Message("user", text.strip()))


def _loaded(content: str) -> Any:
    """A row from its JSON. Whole numbers above 64 bits keep their digits, which orjson drops."""
    with suppress(orjson.JSONDecodeError):  # a number of more than 300 digits
        row = orjson.loads(content)
        if not _holds_large_float(row):
            return row
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PromptFailed(reason=f"the document cannot be read: {error}") from None


def _holds_large_float(row: Any) -> bool:
    """Whether a number is beyond 64 bits: orjson makes a float of a whole one."""
    waiting = [row]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is float:
            if value >= _LONG_NUMBER or value <= -_LONG_NUMBER:
                return True
        elif kind is dict:
            waiting += value.values()
        elif kind is list:
            waiting += value
    return False


def _rendered(
    document: DocumentInPrompt, chat: ChatRow | None, messages: tuple[Message, ...] | None = None
) -> RenderedDocument:
    """The whole document's prompt, of these messages if they are there already. Raises PromptFailed, EmptyPrompt."""
    messages = document.between(0, None) if messages is None else messages
    if is_blank(messages):
        raise EmptyPrompt
    prompt = Prompt(messages, len(document.text), partial(document.between, 0))
    return RenderedDocument(prompt, _NO_OVERRIDES if chat is None else chat.overrides)
