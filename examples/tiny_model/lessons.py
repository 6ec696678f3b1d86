"""The parts of a training step: batches, loss, learning rate."""

import math
from collections.abc import Iterator
from random import Random

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from examples.tiny_model.trees import NO_TARGET, Batch, Tree, batch, plant

BATCH_TOKENS = 4_000


def batches(tokenizer: PreTrainedTokenizerBase, seeds: range, progress: float) -> Iterator[Batch]:
    """Make batches of the invoices of these seeds, each of trees of similar length."""
    trees = [plant(tokenizer, seed, progress) for seed in seeds]
    trees.sort(key=lambda tree: len(tree.ids))
    groups: list[list[Tree]] = [[]]
    for tree in trees:
        if groups[-1] and len(tree.ids) * (len(groups[-1]) + 1) > BATCH_TOKENS:
            groups.append([])
        groups[-1].append(tree)
    Random(seeds.start).shuffle(groups)
    return map(batch, groups)


def loss_of(model: Qwen3ForCausalLM, given: Batch) -> tuple[torch.Tensor, float]:
    """Compute the loss over the answers' tokens, and the share of answers that are right in every token."""
    hidden = model.model(
        input_ids=given.ids,
        position_ids=given.positions,
        attention_mask=given.mask(),
        use_cache=False,
    ).last_hidden_state
    wanted = given.targets != NO_TARGET
    logits = model.lm_head(hidden[wanted])
    targets = given.targets[wanted]
    wrong = logits.argmax(-1) != targets
    rows = torch.arange(len(given.ids))[:, None].expand_as(given.ids)[wanted]
    answers = rows * 100 + given.branches[wanted]
    right = 1 - len(set(answers[wrong].tolist())) / len(set(answers.tolist()))
    return functional.cross_entropy(logits, targets), right


def rate(progress: float, warmup: float = 0.03) -> float:
    """Give the factor of the learning rate: a linear start, then a cosine down to 2 %."""
    if progress < warmup:
        return (progress + 0.001) / warmup
    down = min(1.0, (progress - warmup) / (1 - warmup))
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * down))
