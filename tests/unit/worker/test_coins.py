"""The documents of a job fall independently of each other, whatever their prompts, chunks and attempts."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.parts import Part
from qwenq.schemas.requests import Request
from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.turn.job_prompt import JobPrompt
from qwenq.worker.turn.seeds import params_of_part
from tests.models import chat_tokenizer
from tests.turns import INFO

JOBS = int(os.environ.get("COIN_JOBS", "1"))
DOCUMENTS = 500 if JOBS == 1 else 2_000
SIGMAS = 3
HEADS, TAILS = 7, 8
COIN = torch.full((1, 16), -torch.inf)
COIN[0, [HEADS, TAILS]] = 0.0
VOCABULARY = Vocabulary.of(chat_tokenizer(), None)


def requests(
    job_id: int = 1, first: int = 0, last: int = 9, *, seed: int | None = 5, own: str = ""
) -> list[Request]:
    """Requests for equal documents of one chunk; `own` are fields of each row."""
    seqs = range(first, last + 1)
    row = json.dumps({"messages": [{"role": "user", "content": "Throw a coin."}]} | json.loads(own or "{}"))
    params = GenerationParams(temperature=1.0, seed=seed)
    claim = Claim(chunk_id=first, job_id=job_id, attempt=1, worker_id=1, first_seq=first, last_seq=last)
    ids = {seq: f"d{seq}" for seq in seqs}
    assignment = Assignment(claim, PromptSpec(), params, [(seq, row) for seq in seqs], ids=ids)
    found = JobPrompt.of(assignment.prompt, params, INFO).requests(assignment)
    return [one for one in found if isinstance(one, Request)]


def seeds(asked: Sequence[Request]) -> list[int | None]:
    return [one.params.seed for one in asked]


def thrown(asked: Sequence[Request], throw: int) -> Counter[int | None]:
    """How often each side falls at the throw with this number, counted from 0."""
    states = [RequestState(one.key, [1], one.params, VOCABULARY) for one in asked]
    sides: list[int | None] = []
    for _ in range(throw + 1):
        sides = pick_tokens(COIN.expand(len(states), -1), states)
    return Counter(sides)


@pytest.mark.parametrize("throw", [0, 3])
def test_equal_documents_throw_as_fair_coins_do(throw: int) -> None:
    for job in range(JOBS):
        sides = thrown(requests(last=DOCUMENTS - 1, seed=100 + job), throw)
        assert sides.keys() == {HEADS, TAILS}
        sigma = (DOCUMENTS / 4) ** 0.5
        assert abs(sides[HEADS] - DOCUMENTS / 2) <= SIGMAS * sigma, f"job {job}: {sides}"


def test_the_seed_of_a_document_does_not_depend_on_its_chunk_or_attempt() -> None:
    whole = seeds(requests(last=19))
    assert whole == seeds(requests(first=0, last=4)) + seeds(requests(job_id=2, first=5, last=19))
    assert len(set(whole)) == 20


def test_another_seed_of_the_job_gives_documents_other_seeds() -> None:
    assert not set(seeds(requests(seed=5))) & set(seeds(requests(seed=6)))


def test_a_job_without_a_seed_has_its_own() -> None:
    one, again, other = (seeds(requests(job_id, seed=None)) for job_id in (1, 1, 2))
    assert one == again
    assert not set(one) & set(other)


def test_a_seed_in_the_row_is_taken_as_it_is() -> None:
    assert seeds(requests(last=1, own='{"model": "m", "seed": 7}')) == [7, 7]


def test_a_row_with_its_own_temperature_gets_a_seed_of_its_own() -> None:
    (greedy,) = requests(last=0, own='{"model": "m", "temperature": 0}')
    assert greedy.params.seed == 5
    assert len(set(seeds(requests(own='{"model": "m", "temperature": 0.5}')))) == 10


def test_each_part_of_a_long_document_has_a_seed_of_its_own() -> None:
    params = replace(requests(last=0)[0]).params
    parts = [Part(0, 0, 0, 0, 9), Part(0, 0, 1, 9, 20), Part(0, 1, 0, 0, 20)]
    found = [params_of_part(params, part).seed for part in parts]
    assert len({params.seed, *found}) == 4
    assert found == [params_of_part(params, part).seed for part in parts]
    greedy = GenerationParams(seed=5)
    assert params_of_part(greedy, parts[1]) is greedy
