"""The reference answers: those of `model.generate` on each document alone."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.requests import Completion, Request
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.choosing.penalties import Penalties, penalise
from qwenq.worker.engines.transformers.choosing.warping import Recipe, warped_probabilities
from qwenq.worker.engines.transformers.loading.loading import load_model
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.engines.transformers.prompts.fitting import Fitter
from tests.models import ENDS
from tests.unit.worker.engines.transformers.running import alone

NEAR_TIE = 1e-4  # between two logits: rounding may decide
MOST_NEW = 24


def _generator(request: Request) -> torch.Generator:
    return torch.Generator().manual_seed(request.params.seed or 0)


class Alone:
    """A model that answers one document at a time with Transformers' own `generate`.

    `ties` counts the tokens where an engine chose otherwise between two near ties, `compared` all that were
    held against it.
    """

    def __init__(self, folder: Path) -> None:
        loaded = load_model(str(folder), EngineOptions("cpu"))
        self.ties = 0
        self.compared = 0
        self._fitter = Fitter(PromptEncoder(loaded.tokenizer), loaded.context)
        self._context = loaded.context
        self._ids: dict[str, int] = loaded.tokenizer.get_vocab()
        self._ends = [self._ids[end] for end in ENDS]
        # A separate model, because the engine may change its own.
        self._network: Any = AutoModelForCausalLM.from_pretrained(folder)
        self._answers: dict[tuple[int, ...], tuple[list[int], torch.Tensor]] = {}

    def check(self, request: Request, completion: Completion) -> None:
        """Fail unless `completion` equals this model's answer, token for token, or its failure."""
        prompt = self._prompt(request)
        if isinstance(prompt, DocumentFailed):
            assert completion.failure is not None
            assert completion.failure.code == prompt.code
            return
        assert completion.failure is None
        assert completion.usage.prompt_tokens == len(prompt)
        self._check_tokens(prompt, self._tokens(completion), request.params.max_new_tokens)

    def is_border_draw(self, request: Request, completion: Completion, other: Completion) -> bool:
        """Whether two sampled answers differ because the number drawn lies on the border of two tokens."""
        prompt = self._prompt(request)
        if isinstance(prompt, DocumentFailed) or completion.failure or other.failure:
            return False
        ours, theirs = self._tokens(completion), self._tokens(other)
        pairs = enumerate(zip(ours, theirs, strict=False))
        at = next((at for at, (mine, other_one) in pairs if mine != other_one), None)
        if at is None:
            return False
        sums = self._probabilities(request, prompt, ours[:at]).double().cumsum(0)
        drawn = torch.rand(at + 1, generator=_generator(request), dtype=torch.float64)[at] * sums[-1]
        first, last = sorted((ours[at], theirs[at]))
        return bool((sums[first:last] - drawn).abs().max() < NEAR_TIE)

    @torch.inference_mode()
    def _probabilities(self, request: Request, prompt: list[int], generated: list[int]) -> torch.Tensor:
        """Return the probabilities of the token after `generated`, with the document's own parameters."""
        logits = self._network(input_ids=torch.tensor([[*prompt, *generated]]), logits_to_keep=1).logits[
            :, -1
        ]
        penalties = Penalties.of(request.params, prompt)
        if penalties is not None:
            for token in generated:
                penalties.add(token)
        scores = logits.float().clone()
        penalise(scores, [penalties])
        return warped_probabilities(scores, Recipe.of(request.params))[0]

    def _prompt(self, request: Request) -> list[int] | DocumentFailed:
        try:
            return self._fitter.fit(request)
        except DocumentFailed as error:
            return error

    def _tokens(self, completion: Completion) -> list[int]:
        """Read the ids back from the text. Every end token reads as the first of them."""
        tokens = [self._ids[name] for name in completion.text.split(" ") if name]
        if completion.finish_reason is FinishReason.STOP:
            tokens.append(self._ends[0])
        assert len(tokens) == completion.usage.completion_tokens
        return tokens

    def _check_tokens(self, prompt: list[int], ours: list[int], new: int) -> None:
        expected, logits = self._answer(prompt, new)
        pairs = enumerate(zip(ours, expected, strict=False))
        differs = next((at for at, (mine, theirs) in pairs if mine != theirs), None)
        if differs is None:
            assert len(ours) == len(expected)
            self.compared += len(ours)
            return
        token = ours[differs]
        meant = self._ends if token in self._ends else [token]
        lost = float(logits[differs].max() - logits[differs, meant].max())
        assert lost < NEAR_TIE, f"token {differs} is {token}, not {expected[differs]}: {lost} below the best"
        self.ties += 1
        self.compared += differs + 1
        if ours[differs + 1 :]:
            self._check_tokens([*prompt, *ours[: differs + 1]], ours[differs + 1 :], new - differs - 1)

    def _answer(self, prompt: list[int], new: int) -> tuple[list[int], torch.Tensor]:
        """Return the first `new` tokens of the answer, and their logits."""
        if tuple(prompt) not in self._answers:
            self._answers[tuple(prompt)] = self._generate(prompt, min(MOST_NEW, self._context - len(prompt)))
        tokens, logits = self._answers[tuple(prompt)]
        return tokens[:new], logits[:new]

    def _generate(self, prompt: list[int], new: int) -> tuple[list[int], torch.Tensor]:
        tokens, logits = alone(self._network, prompt, new)
        return [self._ends[0] if token in self._ends else token for token in tokens], logits
