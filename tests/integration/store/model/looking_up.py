"""Claims of jobs with --reuse: look earlier answers up as a worker does, and compare with the model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Condition

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.database.store import Store
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.reuse.stage import ReuseStage
from qwenq.worker.turn.job_prompt import JobPrompt
from qwenq.worker.turn.stage import ClaimedRequests
from tests.builders import MODEL, answer
from tests.integration.store.model.known import known_answer, row_of, text_of
from tests.integration.store.model.model import Life

INFO = ModelInfo(
    MODEL, "none", "none", context=512, parameters=0, load_seconds=0.0, weights=LoadedWeights("r1")
)


class LookingUp:
    """A worker's earlier answers for a claim, and those that it generates."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    def outcomes(self, claim: Claim, texts: Iterator[str]) -> Sequence[Outcome]:
        """An outcome for each open document of a claim; without an earlier answer, one of `texts`."""
        job = self._life.jobs[claim.job_id]
        seqs = [seq for seq in range(claim.first_seq, claim.last_seq + 1) if job.documents[seq].unfinished]
        outcomes: list[Outcome] = []
        reuse = ReuseStage(self._store, INFO, outcomes.append, at_once=len(seqs) + 1)
        rest = [one for asked in reuse.requests(iter([_asked(claim, seqs)])) for one in _requests_of(asked)]
        self._check(claim, seqs, outcomes, rest)
        for one in rest:
            reuse.settle(replace(answer(one.key, next(texts)), chunk_id=claim.chunk_id))
        assert sorted(one.seq for one in outcomes) == seqs, "a document was left without an outcome"
        return outcomes

    def _check(
        self, claim: Claim, seqs: Sequence[int], copies: Sequence[Outcome], rest: Sequence[Request]
    ) -> None:
        """Use the oldest job's answer where there is one; generate each other text once."""
        wanted = {seq: known_answer(self._life.jobs, text_of(seq)) for seq in seqs}
        told = {one.seq: (one.reused_from, one.text) for one in copies}
        assert told == {seq: (one[0], one[1].text) for seq, one in wanted.items() if one is not None}
        unknown = {text_of(seq) for seq, one in wanted.items() if one is None}
        assert sorted(text_of(one.key) for one in rest) == sorted(unknown)
        heirs = [text_of(one.seq) for one in copies if one.fingerprint is not None]
        foreign = {text_of(seq) for seq, one in wanted.items() if one is not None and one[0] != claim.job_id}
        assert sorted(heirs) == sorted(foreign), (
            "one copy of each answer of another job leads to it from now on"
        )


def _asked(claim: Claim, seqs: Sequence[int]) -> ClaimedRequests:
    contents = {seq: row_of(seq).content for seq in seqs}
    assignment = Assignment(claim, PromptSpec(), GenerationParams(), list(contents.items()), reuse=True)
    prompt = JobPrompt.of(assignment.prompt, assignment.params, INFO)
    requests = [one for one in prompt.requests(assignment) if isinstance(one, Request)]
    return ClaimedRequests(
        OpenClaim(assignment, Condition()), prompt, contents, reuse=True, requests=iter(requests)
    )


def _requests_of(asked: ClaimedRequests | None) -> Iterator[Request]:
    return asked.requests if asked else iter(())
