"""Training sequences with many questions about one invoice, which the model reads once.

Each sequence is a tree: a stem that all prompts share, then one branch a question. A branch sees the stem and itself,
and its positions continue from the end of the stem. So the model computes exactly the same as for each prompt alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from transformers import PreTrainedTokenizerBase

from examples.tiny_model import questions
from examples.tiny_model.excerpts import excerpt
from examples.tiny_model.invoices import invoice
from examples.tiny_model.tokenizer import END_THINK, THINK, TURN_END

NO_TARGET = -100
THINKING_SHARE = 0.2
QUESTIONS = 6  # at most, for one invoice


@dataclass(frozen=True)
class Tree:
    """Tokens, each with its position, its branch (0 is the stem) and the token that it should predict."""

    ids: list[int]
    positions: list[int]
    branches: list[int]
    targets: list[int]


@dataclass(frozen=True)
class Batch:
    """Trees of similar length, padded on the right."""

    ids: torch.Tensor
    positions: torch.Tensor
    branches: torch.Tensor
    targets: torch.Tensor

    def mask(self) -> torch.Tensor:
        """Make the attention mask: a token sees itself, and earlier tokens of its branch and the stem."""
        seen, seer = self.branches[:, None, :], self.branches[:, :, None]
        length = self.ids.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool).tril()
        return (earlier & ((seen == seer) | (seen == 0)))[:, None]


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, prompt: str, *, system: str | None, thinking: bool
) -> list[int]:
    """Tokenize a prompt in the chat template, up to the start of the answer."""
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    text = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
    )
    return list(tokenizer(str(text), add_special_tokens=False)["input_ids"])


def plant(tokenizer: PreTrainedTokenizerBase, seed: int, progress: float) -> Tree:
    """Make the tree of a seed's invoice, shortened according to the training's progress (0 to 1)."""
    rng = Random(f"tree {seed}")
    system = questions.system(rng)
    pairs = []
    shown = excerpt(rng, invoice(seed), progress)
    for question in questions.varied(rng, shown, QUESTIONS):
        thinking = rng.random() < THINKING_SHARE
        answer = f"{question.expected}{TURN_END}"
        if thinking:
            answer = f"{THINK}\n{question.reasoning}\n{END_THINK}\n\n{answer}"
        prompt = prompt_ids(tokenizer, question.prompt, system=system, thinking=thinking)
        pairs.append((prompt, list(tokenizer(answer, add_special_tokens=False)["input_ids"])))
    return grow(pairs)


def grow(pairs: Sequence[tuple[list[int], list[int]]]) -> Tree:
    """Join prompts and answers into one tree."""
    # The last token of a prompt predicts the first of its answer, so it stays in the branch.
    stem = _common_start([prompt[:-1] for prompt, _ in pairs])
    ids, positions = list(stem), list(range(len(stem)))
    branches, targets = [0] * len(stem), [NO_TARGET] * len(stem)
    for branch, (prompt, answer) in enumerate(pairs, 1):
        grown = (prompt + answer)[len(stem) : -1]
        ids += grown
        positions += range(len(stem), len(stem) + len(grown))
        branches += [branch] * len(grown)
        targets += [NO_TARGET] * (len(grown) - len(answer)) + answer
    return Tree(ids, positions, branches, targets)


def _common_start(rows: Sequence[list[int]]) -> list[int]:
    for place, tokens in enumerate(zip(*rows, strict=False)):
        if len(set(tokens)) > 1:
            return rows[0][:place]
    return min(rows, key=len)


def batch(trees: Sequence[Tree]) -> Batch:
    """Pad the trees to one length."""
    longest = max(len(tree.ids) for tree in trees)

    def padded(rows: list[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])

    return Batch(
        ids=padded([tree.ids for tree in trees], 0),
        positions=padded([tree.positions for tree in trees], 0),
        branches=padded([tree.branches for tree in trees], -1),
        targets=padded([tree.targets for tree in trees], NO_TARGET),
    )
