"""The levels of a long document: its parts first, then merges of their answers, fewer each time, down to one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qwenq.schemas.errors import NoRoomForParts, NoRoomToMerge, OwnLimitTooHigh
from qwenq.schemas.parts import Part
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Request
from qwenq.worker.long_documents.cutting import cut
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.long_documents.grouping import groups_of
from qwenq.worker.long_documents.long_document import LongDocument
from qwenq.worker.turn.seeds import params_of_part


@dataclass(frozen=True, slots=True)
class Level:
    """What is asked of a document at once; a level of one part is the last, whose answer is the document's.

    `carried` are parts that need no question: each has the answer at this place of the level below.
    """

    parts: Sequence[Part]
    messages_of: Callable[[Part], tuple[Message, ...]]
    carried: Mapping[Part, int] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Whether the answer to its one part is the document's outcome."""
        return len(self.parts) == 1


def first_level(document: LongDocument, gauge: Gauge, note_step: Callable[[], None]) -> Level:
    """Cut a document that does not fit; `note_step` is called for each count. Raises DocumentFailed."""
    request = document.request
    in_prompt = document.in_prompt()

    def tokens_of(first: int, last: int) -> int:
        note_step()
        return gauge.tokens(in_prompt.between(first, last), request.params)

    spans = cut(in_prompt.text, tokens_of, gauge.room(request.params))
    if spans is None:
        bare, most = tokens_of(0, 0), request.params.max_new_tokens
        if request.own_limit and (room := (gauge.context - bare) // 2) > 0:
            raise OwnLimitTooHigh(prompt_tokens=bare, max_new_tokens=most, context=gauge.context, room=room)
        raise NoRoomForParts(prompt_tokens=bare, max_new_tokens=most, context=gauge.context)
    # A part of nothing but blanks has nothing to ask about.
    asked = [span for span in spans if not in_prompt.text[span.first : span.last].isspace()] or spans[:1]
    parts = [Part(document.seq, 0, place, *span) for place, span in enumerate(asked)]
    return Level(parts, lambda part: in_prompt.between(part.first, part.last))


def next_level(document: LongDocument, gauge: Gauge) -> Level:
    """Group the answers of the newest level into merges. Raises DocumentFailed."""
    params = document.request.params
    columns, system = document.columns(), document.in_prompt().system
    answers, below = document.answers(), document.parts

    def merging(some: Sequence[str]) -> tuple[Message, ...]:
        return document.merge.render(columns, system, some)

    groups = groups_of(answers, lambda some: gauge.fits(merging(some), params))
    if groups is None:
        most = params.max_new_tokens
        raise NoRoomToMerge(parts=document.cut_into, max_new_tokens=most, context=gauge.context)
    parts = [
        Part(document.seq, below[0].level + 1, place, below[group[0]].first, below[group[-1]].last)
        for place, group in enumerate(groups)
    ]
    carried = {part: group[0] for part, group in zip(parts, groups, strict=True) if len(group) == 1}
    return Level(parts, lambda part: merging([answers[place] for place in groups[part.place]]), carried)


def asked_with(request: Request, messages: tuple[Message, ...]) -> Request:
    """The same request with another prompt."""
    return replace(request, prompt=Prompt.whole(messages), closes_group=False)


def asked_for_part(request: Request, messages: tuple[Message, ...], key: int, part: Part) -> Request:
    """The request for a part, with this key."""
    return replace(asked_with(request, messages), key=key, params=params_of_part(request.params, part))
