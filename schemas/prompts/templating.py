"""Render a document's columns to the prompt that the model sees, by its job's PromptSpec.

    row                           without a template             with a template
    columns                       the text column                the template's text
    {"messages": [...]}           the messages themselves        the template's text
    OpenAI Batch line             the body's messages            the template's text

is the user message. The job's system message comes first, unless the row has its own. For a row with messages, the
template sees them as `messages`, and the user's last message as the text column. Every template also sees `row`, for
column names that are not identifiers: `{{ row["Invoice No."] }}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import orjson

from qwenq.schemas.errors import EmptyPrompt, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.chat_rows import ChatRow, chat_row, cut_last_of_user, last_of_user
from qwenq.schemas.prompts.messages import DocumentInPrompt, Message, Prompt

if TYPE_CHECKING:
    from qwenq.schemas.prompts.sandbox import CompiledTemplate

_NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document's prompt, and its own generation parameters, which override the job's with `overlaid`."""

    prompt: Prompt
    overrides: Mapping[str, Any]


class PromptTemplate:
    """A job's prompt: compiled once, rendered for each document."""

    def __init__(self, spec: PromptSpec, template: "CompiledTemplate | None") -> None:
        self._template = template
        self._text_column = spec.text_column
        self._system: tuple[Message, ...] = ()
        if spec.system is not None:
            self._system = (Message("system", spec.system),)

    @classmethod
    def from_spec(cls, spec: PromptSpec) -> Self:
        """Compile the job's template, if any. Raises InvalidTemplate."""
        if spec.template is None:
            return cls(spec, None)
        from qwenq.schemas.prompts.sandbox import CompiledTemplate

        return cls(spec, CompiledTemplate(spec.template))

    def render(self, content: str | Mapping[str, Any]) -> RenderedDocument:
        """Render the prompt for one document, given as JSON text or as columns.

        Raises PromptFailed, EmptyPrompt, and InvalidRow for an invalid conversation.
        """
        columns, chat = self._read(content)
        document = self._in_prompt(columns, chat)
        prompt = Prompt(document.between(0, None), len(document.text), partial(document.between, 0))
        if not any(said.role == "user" and said.content.strip() for said in prompt.messages):
            raise EmptyPrompt
        return RenderedDocument(prompt, _NO_OVERRIDES if chat is None else chat.overrides)

    def document(self, content: str | Mapping[str, Any]) -> DocumentInPrompt:
        """The document inside its prompt, so that it can be asked in parts. Raises what `render` raises."""
        return self._in_prompt(*self._read(content))

    def columns(self, content: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """What a template sees of this document: values by name."""
        columns, chat = self._read(content)
        return columns if chat is None else _Conversation(columns, chat, self._text_column).between(0, None)

    @property
    def names_nothing(self) -> bool:
        """Whether there is a template and it uses no name."""
        return self._template is not None and not self._template.names

    def missing_column(self, content: str | Mapping[str, Any]) -> str | None:
        """A name that the template uses and this document lacks; None if nothing is missing."""
        if self._template is None:
            return None
        return self._template.undefined_name(self.columns(content))

    def _read(self, content: str | Mapping[str, Any]) -> tuple[Mapping[str, Any], ChatRow | None]:
        columns = orjson.loads(content) if isinstance(content, str) else content
        if not isinstance(columns, Mapping):
            raise PromptFailed(reason="the document is not a JSON object")
        if "messages" in columns or "body" in columns:
            return columns, chat_row(columns, as_columns=self._template is not None)
        return columns, None

    def _in_prompt(self, columns: Mapping[str, Any], chat: ChatRow | None) -> DocumentInPrompt:
        if self._template is not None:
            return self._in_template(self._template, columns, chat)
        return self._in_text(columns) if chat is None else self._in_messages(chat)

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

    def _in_template(
        self, template: "CompiledTemplate", columns: Mapping[str, Any], chat: ChatRow | None
    ) -> DocumentInPrompt:
        values: _Columns | _Conversation
        if chat is None:
            values, system = _Columns(columns, self._document_column(template, columns)), self._system
        else:
            values, system = _Conversation(columns, chat, self._text_column), chat.system or self._system

        def between(first: int, last: int | None) -> tuple[Message, ...]:
            return (*system, Message("user", template.render(values.between(first, last)).strip()))

        return DocumentInPrompt(values.text, system, between)

    def _document_column(self, template: "CompiledTemplate", columns: Mapping[str, Any]) -> str:
        """The column that holds the document: the text column, else the longest text that the template uses."""
        if isinstance(columns.get(self._text_column), str):
            return self._text_column
        texts = [name for name in sorted(template.names) if isinstance(columns.get(name), str)]
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
