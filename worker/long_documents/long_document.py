"""One long document on its way: its parts are answered, then these answers merged, level by level, into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qwenq.schemas.chunks import Claim
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import Request
from qwenq.schemas.results import Failure, Usage


@dataclass(slots=True, eq=False)
class LongDocument:
    """What is known of a document in parts: `known` from an earlier attempt, `parts` are those of its newest level.

    `request` asks about it as a whole. For one thread at a time.
    """

    claim: Claim
    request: Request
    content: str
    template: PromptTemplate
    merge: MergeTemplate
    known: Mapping[Part, PartAnswer] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    cut_into: int = 1
    failed: bool = False
    _answers: dict[Part, PartAnswer] = field(default_factory=dict)
    _missing: set[Part] = field(default_factory=set)

    @property
    def seq(self) -> int:
        """Its place in the input."""
        return self.request.key

    @property
    def answered(self) -> bool:
        """Whether the newest level has all its answers."""
        return not self._missing

    def begin(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Begin a level. Returns those of its parts that are to be asked about: not those that were before."""
        if parts[0].level == 0:
            self.cut_into = len(parts)
        self.parts = parts
        self._answers |= {part: self.known[part] for part in parts if part in self.known}
        missing = [part for part in parts if part not in self._answers]
        self._missing = set(missing)
        return missing

    def carry(self, part: Part, place: int) -> None:
        """Let an answer of the newest level, by its place, be that to a part of the next one, which begins then."""
        answer = self._answers[self.parts[place]]
        self._answers[part] = PartAnswer(answer.text, answer.finish_reason, Usage(), 0.0)

    def add(self, part: Part, answer: PartAnswer) -> None:
        """Take an answer to a part of the newest level."""
        self._answers[part] = answer
        self._missing.discard(part)

    def answers(self) -> list[str]:
        """The answers of the newest level, in order."""
        return [self._answers[part].text for part in self.parts]

    def outcome(self, last: Outcome) -> Outcome:
        """The document's outcome, from that of its last merge: the tokens and seconds are those of all."""
        if last.failure is not None:
            message = f"While the answers to its {self.cut_into} parts were merged: {last.failure.message}"
            return replace(last, failure=Failure(last.failure.code, message))
        return replace(
            last,
            usage=sum((one.usage for one in self._answers.values()), last.usage),
            seconds=last.seconds + sum(one.seconds for one in self._answers.values()),
            parts=self.cut_into,
        )

    def failure(self, part: Part, answer: Outcome) -> Outcome:
        """The document's outcome, when a part has no answer."""
        failure = answer.failure or Failure("error", "")
        where = f"characters {part.first + 1:,} to {part.last:,}"
        what = f"part {part.place + 1} of {len(self.parts)}, {where} of the document"
        if part.level:
            what = f"the merging of the answers to {where} of the document"
        message = f"In {what}: {failure.message}"
        return replace(answer, seq=self.seq, usage=Usage(), failure=Failure(failure.code, message))
