"""The workloads of the engine benchmark: prompts as token ids, drawn with fixed seeds.

A workload of a given size always has the same lengths. Each round draws new words, so that no way benefits from an
earlier round's cache.
"""

import random
from dataclasses import dataclass

PREFIX_TOKENS = 120
SHORTEST_PROMPT, LONGEST_PROMPT = 200, 620
SHORTEST_ANSWER, LONGEST_ANSWER = 8, 128

SHARED_TOKENS = 300
SHORTEST_DOCUMENT, LONGEST_DOCUMENT = 20, 60
SHORT_ANSWER = 4


@dataclass(frozen=True, slots=True)
class Job:
    """One document of a workload: its prompt as token ids, and how many new tokens it gets."""

    prompt: list[int]
    new_tokens: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs whose prompts begin with the same `prefix_tokens`."""

    jobs: tuple[Job, ...]
    prefix_tokens: int

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(len(job.prompt) for job in self.jobs)

    @property
    def new_tokens(self) -> int:
        """Tokens of all answers."""
        return sum(job.new_tokens for job in self.jobs)

    @property
    def differing_tokens(self) -> int:
        """Prompt tokens that must be computed: the prefix once, and the rest of each prompt."""
        return self.prompt_tokens - self.prefix_tokens * (len(self.jobs) - 1)


def mixed_workload(documents: int, vocabulary: int, draw_number: int) -> Workload:
    """Make prompts of 200 to 620 tokens that share 120, with 8 to 128 new tokens each, mostly few."""
    lengths = random.Random(986)
    shape: list[tuple[int, int]] = []
    for _ in range(documents):
        prompt = lengths.randint(SHORTEST_PROMPT, LONGEST_PROMPT)
        span = LONGEST_ANSWER - SHORTEST_ANSWER + 1
        shape.append((prompt, int(SHORTEST_ANSWER + span * lengths.random() ** 2)))
    return _filled(shape, PREFIX_TOKENS, vocabulary, draw_number)


def short_workload(documents: int, vocabulary: int, draw_number: int) -> Workload:
    """Make short documents behind one long prompt: 20 to 60 tokens behind 300, 4 new tokens each."""
    lengths = random.Random(2000)
    shape = [
        (SHARED_TOKENS + lengths.randint(SHORTEST_DOCUMENT, LONGEST_DOCUMENT), SHORT_ANSWER)
        for _ in range(documents)
    ]
    return _filled(shape, SHARED_TOKENS, vocabulary, draw_number)


def _filled(shape: list[tuple[int, int]], shared: int, vocabulary: int, draw_number: int) -> Workload:
    draw = random.Random(draw_number)
    prefix = draw.choices(range(vocabulary), k=shared)
    jobs = tuple(
        Job(prefix + draw.choices(range(vocabulary), k=prompt - shared), new) for prompt, new in shape
    )
    return Workload(jobs, shared)
