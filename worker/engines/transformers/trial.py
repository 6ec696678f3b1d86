"""Two short documents that try a way at loading, and the logits that the model itself computes for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.packed.decode_attention import Decoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import Forward, PackedStep
from qwenq.worker.engines.transformers.padded.cache import new_cache
from qwenq.worker.engines.transformers.padded.columns import PaddedColumns

LONG, SHORT = 41, 9  # tokens: the long one is more than a kernel takes at once
FIRST_PASS = 20  # tokens of the long document; the rest of its prompt is a second pass
MOST_WINDOW = 128  # a longer window would make loading slow
BEYOND = 9  # tokens that the window no longer holds
DECODED = 2  # tokens at the end of each document, as decode steps
LARGEST_DIFFERENCE = {torch.float32: 1e-3}  # relative, of the logits
LARGEST_DIFFERENCE_IN_HALF = 5e-2
DRAWS = 4
"""How often the embeddings are rounded otherwise, to see what rounding changes in a model."""
MOST_BY_ROUNDING = 0.2
"""A way that differs by more is not tried in earnest, however undecided the model is."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Documents of unlike lengths, and the model's own logits of the last DECODED + 1 tokens of each.

    `largest` is the relative difference of logits that rounding explains. In half precision it grows with what other
    rounding changes in the model itself: a mixture that is undecided between two experts takes another one.
    """

    documents: list[list[int]]
    wanted: list[torch.Tensor]
    largest: float

    @classmethod
    @torch.inference_mode()
    def of(cls, network: PreTrainedModel) -> Self:
        """Compute the logits without a cache: one pass for each document."""
        documents = _documents(network)
        wanted = [_own_logits(network, ids) for ids in documents]
        return cls(documents, wanted, _largest(network, documents, torch.cat(wanted)))

    @classmethod
    @torch.inference_mode()
    def generated(cls, network: PreTrainedModel) -> Self:
        """Let `generate` end each document, and take its logits."""
        documents, wanted = [], []
        for ids in _documents(network):
            prompt = torch.tensor([ids[:-DECODED]], device=network.device)
            output: Any = network.generate(  # type: ignore[operator]
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                num_beams=1,
                min_new_tokens=DECODED + 1,
                max_new_tokens=DECODED + 1,
                return_dict_in_generate=True,
                output_logits=True,
            )
            documents.append(output.sequences[0, : len(ids)].tolist())
            wanted.append(torch.cat(output.logits).float())
        own = torch.cat([_own_logits(network, ids) for ids in documents])
        return cls(documents, wanted, _largest(network, documents, own))

    @torch.inference_mode()
    def packed(self, network: PreTrainedModel, forward: Forward, times: int = 1) -> str | None:
        """Say what differs if the documents are packed; None if nothing does. The decode step runs several `times`.

        The long prompt takes two passes, the second with the short one. Then both documents get a token together.
        """
        logits = list(_packed_logits(network, forward, self.documents, times))
        wanted = [own[place] for place in (-2, -1) for own in self.wanted]
        return differs(torch.cat(logits), torch.stack(wanted), self.largest)

    def padded(self, network: PreTrainedModel) -> str | None:
        """Say what differs if the documents share a padded batch, which the long one leaves before the last step."""
        return self._compare(network, [self.documents])

    def alone(self, network: PreTrainedModel) -> str | None:
        """Say what differs if each document has a batch for itself."""
        return self._compare(network, [[ids] for ids in self.documents])

    @property
    def computes(self) -> bool:
        """Whether the model's own logits are numbers. If not, no way can be told from another."""
        return all(bool(own.isfinite().all()) for own in self.wanted)

    @torch.inference_mode()
    def _compare(self, network: PreTrainedModel, batches: list[list[list[int]]]) -> str | None:
        found = [logits for batch in batches for logits in _padded_logits(network, batch)]
        wanted = [own[: len(logits)] for own, logits in zip(self.wanted, found, strict=True)]
        return differs(torch.cat(found), torch.cat(wanted), self.largest)


def differs(logits: torch.Tensor, wanted: torch.Tensor, largest: float) -> str | None:
    """Say how far logits are from the wanted ones; None if the difference is no larger than this."""
    difference = _difference(logits, wanted)
    return None if difference <= largest else f"the logits would differ by {difference:.3g}"


def _difference(logits: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((logits.float() - wanted.float()).norm() / wanted.float().norm())


def limit_of(dtype: torch.dtype) -> float:
    """The difference that rounding explains in a model that is undecided about nothing."""
    return LARGEST_DIFFERENCE.get(dtype, LARGEST_DIFFERENCE_IN_HALF)


def _largest(network: PreTrainedModel, documents: list[list[int]], own: torch.Tensor) -> float:
    limit = limit_of(network.dtype)
    if network.dtype in LARGEST_DIFFERENCE:
        return limit
    generator = torch.Generator().manual_seed(0)
    step = torch.finfo(network.dtype).eps / 2  # the most that rounding changes a number, relatively

    def round_otherwise(_module: Any, _given: Any, embedded: torch.Tensor) -> torch.Tensor:
        noise = 1 + step * (2 * torch.rand(embedded.shape, generator=generator) - 1)
        return (embedded.float() * noise.to(embedded.device)).to(embedded.dtype)

    differences = []
    hook = network.get_input_embeddings().register_forward_hook(round_otherwise)
    try:
        for _ in range(DRAWS):
            logits = torch.cat([_own_logits(network, ids) for ids in documents])
            differences.append(_difference(logits, own))
    finally:
        hook.remove()
    # Both ways round: the model's own, and the one that is compared with it.
    return max(limit, min(2 * max(differences), MOST_BY_ROUNDING))


def _documents(network: PreTrainedModel) -> list[list[int]]:
    """Make the documents, the long one first. It leaves a short window behind."""
    config = network.config.get_text_config(decoder=True)
    window = getattr(config, "sliding_window", None)
    window = window if isinstance(window, int) and window <= MOST_WINDOW else 0
    lengths = (max(LONG, window + BEYOND), SHORT)
    return [
        [(7 * place + first) % config.vocab_size for place in range(length)]
        for first, length in enumerate(lengths, 1)
    ]


def _own_logits(network: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    output: Any = network(input_ids=torch.tensor([ids], device=network.device), use_cache=False)
    logits: torch.Tensor = output.logits[0, -DECODED - 1 :].float()
    return logits


def _packed_logits(
    network: PreTrainedModel, forward: Forward, documents: list[list[int]], times: int
) -> Iterator[torch.Tensor]:
    """Yield the logits of each document's prompt, then of its last token."""
    shape = CacheShape.of(network)
    cache = KVCache(shape)
    cache.resize(slots=len(documents), columns=max(map(len, documents)), used=0)

    def piece(slot: int, start: int, end: int) -> Piece:
        keys, values = ([layer[slot] for layer in tensors] for tensors in (cache.keys, cache.values))
        return Piece(documents[slot][start:end], start, keys, values, None)

    first = PackedStep(on_trial=True)
    first.add_piece(piece(0, 0, FIRST_PASS))
    first.want_last()
    forward(first)
    _check_windows(network, first.windows)
    second = PackedStep()
    for slot, ids in enumerate(documents):
        second.add_piece(piece(slot, 0 if slot else FIRST_PASS, len(ids) - 1))
        second.want_last()
    yield forward(second)
    third = PackedStep()
    for ids in documents:
        third.add_token(ids[-1], len(ids) - 1)
    rows = [DecodeRow(slot, len(ids) - 1, None) for slot, ids in enumerate(documents)]
    third.decoding = Decoding(shape).of(cache, len(rows), rows)
    yield from [forward(third) for _ in range(times)][-1:]


def _check_windows(network: PreTrainedModel, seen: Mapping[int, int | None]) -> None:
    """Raise TypeError if the model's own cache forgets columns that its layers, asked without a cache, see."""
    for layer, cached in enumerate(new_cache(network).layers):
        kept, window = getattr(cached, "sliding_window", None), seen.get(layer)
        if layer in seen and kept is not None and (window is None or kept < window):
            raise TypeError("its cache forgets columns that its layers see")


def _padded_logits(network: PreTrainedModel, documents: list[list[int]]) -> list[torch.Tensor]:
    """Return each document's logits: of its prompt, then of its last tokens. The first of several leaves early."""
    rows = list(range(len(documents)))
    found: list[list[torch.Tensor]] = [[] for _ in rows]
    columns = PaddedColumns(network, [ids[:-DECODED] for ids in documents])
    for step in range(-DECODED, 1):
        for row, logits in zip(rows, columns.forward(), strict=True):
            found[row].append(logits)
        if step == -1 and len(rows) > 1:
            columns.keep(list(range(1, len(rows))))
            rows = rows[1:]
        if step:
            columns.feed([documents[row][step] for row in rows])
    return [torch.stack(logits) for logits in found]
