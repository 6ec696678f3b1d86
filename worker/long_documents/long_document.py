"""One long document: its parts are answered, then the answers are merged, level by level, into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.messages import DocumentInPrompt
from qwenq.schemas.requests import Request
from qwenq.schemas.results import Failure, FinishReason, Usage
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.turn.stage import ClaimedRequests


@dataclass(slots=True, eq=False)
class LongDocument:
    """The state of a document in parts: `known` are answers of an earlier attempt, `parts` those of the newest level.

    `request` asks about the whole document. For one thread at a time.
    """

    claimed: ClaimedRequests
    merge: MergeTemplate
    request: Request
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
        """Whether the newest level has all of its answers."""
        return not self._missing

    @property
    def held(self) -> OpenClaim:
        """The claim that it belongs to."""
        return self.claimed.held

    def in_prompt(self) -> DocumentInPrompt:
        """The document in its job's prompt. Raises DocumentFailed."""
        return self.claimed.prompt.template.document(self.claimed.contents[self.seq])

    def columns(self) -> Mapping[str, object]:
        """Its columns by name. Raises DocumentFailed."""
        return self.claimed.prompt.template.columns(self.claimed.contents[self.seq])

    def begin(self, parts: Sequence[Part], carried: Mapping[Part, int]) -> Sequence[Part]:
        """Begin a level. Returns its parts that have no answer yet, from this attempt or an earlier one.

        `carried` parts take over the answer at a place of the level below.
        """
        if parts[0].level == 0:
            self.cut_into = len(parts)
        for part, place in carried.items():
            answer = self._answers[self.parts[place]]
            self._answers[part] = PartAnswer(answer.text, answer.finish_reason, Usage(), 0.0)
        self.parts = parts
        self._answers |= {part: self.known[part] for part in parts if part in self.known}
        missing = [part for part in parts if part not in self._answers]
        self._missing = set(missing)
        return missing

    def add(self, part: Part, answer: PartAnswer) -> None:
        """Add the answer to a part of the newest level."""
        self._answers[part] = answer
        self._missing.discard(part)

    def answers(self) -> list[str]:
        """The answers of the newest level, in order."""
        return [self._answers[part].text for part in self.parts]

    def outcome(self, last: Outcome) -> Outcome:
        """The document's outcome, from that of its last merge: the tokens and seconds are those of all.

        If any answer was cut, so is this one: the end of the document's part, or all of it, is missing.
        """
        if last.failure is not None:
            message = f"While the answers to its {self.cut_into} parts were merged: {last.failure.message}"
            return replace(last, failure=Failure(last.failure.code, message))
        was_cut = any(one.finish_reason is FinishReason.LENGTH for one in self._answers.values())
        return replace(
            last,
            finish_reason=FinishReason.LENGTH if was_cut else last.finish_reason,
            usage=sum((one.usage for one in self._answers.values()), last.usage),
            seconds=last.seconds + sum(one.seconds for one in self._answers.values()),
            parts=self.cut_into,
        )

    def failure(self, part: Part, answer: Outcome) -> Outcome:
        """The document's outcome when a part fails."""
        failure = answer.failure or Failure("error", "")
        where = f"characters {part.first + 1:,} to {part.last:,}"
        what = f"part {part.place + 1} of {len(self.parts)}, {where} of the document"
        if part.level:
            what = f"the merging of the answers to {where} of the document"
        message = f"In {what}: {failure.message}"
        return replace(answer, seq=self.seq, usage=Usage(), failure=Failure(failure.code, message))
