"""How fast a model was in an earlier job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """What a job took: its answers, the tokens of its prompts and answers, and the seconds of its devices."""

    job_id: int
    answers: int
    prompt_tokens: int
    new_tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens of prompts and answers together, for each second of a device."""
        return (self.prompt_tokens + self.new_tokens) / self.seconds

    @property
    def answer_tokens(self) -> float:
        """The tokens of an answer, on average."""
        return self.new_tokens / self.answers

    def seconds_for(self, documents: int, prompt_tokens: int) -> float:
        """The device seconds that so many documents take, if their answers are as long."""
        return (prompt_tokens + documents * self.answer_tokens) / self.tokens_per_second
