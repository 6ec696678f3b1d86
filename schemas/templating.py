"""How a document's columns become the prompt that the model sees, by the rules of its job.

    row                           without a template             with a template
    columns                       the text column                the template's text
    {"messages": [...]}           the messages themselves        the template's text
    OpenAI Batch line             the body's messages            the template's text

is the user message. The job's system message stands first, unless the row has one of its own. For a row with
messages, the template sees them as `messages`, and the user's last one as the text column.
Every template sees `row` too, for columns whose names are no words: `{{ row["Invoice No."] }}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import orjson

from schemas.chat_rows import ChatRow, chat_row
from schemas.errors import EmptyPrompt, PromptFailed
from schemas.jobs import PromptSpec
from schemas.prompts import Message, Prompt

if TYPE_CHECKING:
    from schemas.sandbox import CompiledTemplate

_NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document's prompt, and its own generation parameters: lay them over the job's with `overlaid`."""

    prompt: Prompt
    overrides: Mapping[str, Any]


class PromptTemplate:
    """The prompt of a job, compiled once and rendered for each document."""

    def __init__(self, spec: PromptSpec, template: "CompiledTemplate | None") -> None:
        self._template = template
        self._text_column = spec.text_column
        self._system = () if spec.system is None else (Message("system", spec.system),)

    @classmethod
    def from_spec(cls, spec: PromptSpec) -> Self:
        """Compile the job's template, if it has one. Raises InvalidTemplate."""
        if spec.template is None:
            return cls(spec, None)
        from schemas.sandbox import CompiledTemplate

        return cls(spec, CompiledTemplate(spec.template))

    def render(self, content: str | Mapping[str, Any]) -> RenderedDocument:
        """The prompt for one document: its content as JSON, or as its columns.

        Raises PromptFailed, EmptyPrompt, and InvalidRow for a conversation that is none.
        """
        columns, chat = self._read(content)
        if self._template is not None:
            prompt = self._from_template(self._template, columns, chat)
        elif chat is not None:
            prompt = self._from_messages(chat)
        else:
            prompt = self._from_text(columns)
        if not any(said.role == "user" and said.content.strip() for said in prompt.messages):
            raise EmptyPrompt
        return RenderedDocument(prompt, _NO_OVERRIDES if chat is None else chat.overrides)

    def columns(self, content: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """What a template sees of this document, by name."""
        columns, chat = self._read(content)
        return _visible(columns, chat, self._text_column)

    def missing_column(self, content: str | Mapping[str, Any]) -> str | None:
        """The name that the template asks for and this document lacks; None when nothing is missing."""
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

    def _from_text(self, columns: Mapping[str, Any]) -> Prompt:
        text = columns.get(self._text_column)
        if not isinstance(text, str):
            raise PromptFailed(reason=f"the column {self._text_column!r} holds no text")

        def shortened(chars: int) -> tuple[Message, ...]:
            return (*self._system, Message("user", text[:chars]))

        return Prompt((*self._system, Message("user", text)), len(text), shortened)

    def _from_messages(self, chat: ChatRow) -> Prompt:
        said = chat.messages if _own_system(chat) else (*self._system, *chat.messages)
        last = _last_of_user(said)

        def shortened(chars: int) -> tuple[Message, ...]:
            cut = replace(said[last], content=said[last].content[:chars])
            return (*said[:last], cut, *said[last + 1 :])

        return Prompt(said, len(said[last].content), shortened)

    def _from_template(
        self, template: "CompiledTemplate", columns: Mapping[str, Any], chat: ChatRow | None
    ) -> Prompt:
        system = self._system if chat is None else _own_system(chat) or self._system
        visible = _visible(columns, chat, self._text_column)
        cut_column = self._cut_column(template, visible)
        text = visible[cut_column] if cut_column else ""

        def rendered(values: Mapping[str, Any]) -> tuple[Message, ...]:
            return (*system, Message("user", template.render(values).strip()))

        def shortened(chars: int) -> tuple[Message, ...]:
            return rendered({**visible, cut_column: text[:chars]} if cut_column else visible)

        return Prompt(rendered(visible), len(text), shortened)

    def _cut_column(self, template: "CompiledTemplate", visible: Mapping[str, Any]) -> str:
        """The column that holds the document: the text column, else the longest that the template names."""
        candidates = sorted(template.names & visible.keys(), key=lambda name: (-_length(visible[name]), name))
        named = (self._text_column, *candidates)
        return next((name for name in named if isinstance(visible.get(name), str)), "")


def _visible(columns: Mapping[str, Any], chat: ChatRow | None, text_column: str) -> Mapping[str, Any]:
    """What a template sees."""
    if chat is None:
        return columns
    messages = [{"role": said.role, "content": said.content} for said in chat.messages]
    text = chat.messages[_last_of_user(chat.messages)].content
    return {text_column: text, **columns, "messages": messages}


def _own_system(chat: ChatRow) -> tuple[Message, ...]:
    return tuple(message for message in chat.messages if message.role == "system")


def _last_of_user(messages: tuple[Message, ...]) -> int:
    return max(place for place, message in enumerate(messages) if message.role == "user")


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0
