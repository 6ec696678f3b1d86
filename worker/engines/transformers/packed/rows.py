"""The Runner that packs, for models whose attention can be replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.packed.causal_softmax import causal_softmax
from qwenq.worker.engines.transformers.packed.decode_attention import Decoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix, PrefixShelf
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import Forward, PackedStep
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork, not_a_number

STEP_TOKENS = {"cpu": 1_024}  # a larger pass is not faster a token, and delays cancelling
MOST_STEP_TOKENS = 8_192
GROWTH = {"cpu": 128}  # columns: there, attention is fastest without unused ones
WHOLE_COLUMNS = 64
TOO_MANY = 4  # times the wanted columns: a larger cache is shrunk


def step_tokens(device: torch.device) -> int:
    """Return how many tokens may go through the model at once, prefill included."""
    return STEP_TOKENS.get(device.type, MOST_STEP_TOKENS)


@dataclass(slots=True, eq=False)
class PackedRow:
    """A running document: its shared prefix, and how many tokens after it are computed."""

    state: RequestState
    prefix: Prefix | None
    filled: int = 0

    @property
    def shared(self) -> int:
        """How many tokens of its prompt are in the prefix."""
        return len(self.prefix) if self.prefix is not None else 0

    @property
    def waiting(self) -> int:
        """How many tokens of its prompt after the prefix are still to be computed."""
        return max(0, len(self.state.prompt) - self.shared - self.filled)

    @property
    def columns(self) -> int:
        """How many columns of its own it may need."""
        return len(self.state.prompt) - self.shared + self.state.params.max_new_tokens


class PackedRows:
    """Runs documents without padding: a prompt's cells are its tokens, and a shared prefix is computed once."""

    def __init__(self, network: PreTrainedModel, forward: Forward, budget: TokenBudget) -> None:
        self._shape = shape = CacheShape.of(network)
        self._device = network.device
        self._forward = forward
        self._budget = budget
        self._cache = KVCache(shape)
        self._shelf = PrefixShelf()
        self._decoding = Decoding(shape)
        self._softmax = causal_softmax(shape.dtype, shape.device)
        self._rows: list[PackedRow] = []
        self._refused: PackedRow | None = None
        self._step_tokens = step_tokens(network.device)

    @property
    def running(self) -> list[RequestState]:
        """Admitted documents that have not ended."""
        return [row.state for row in self._rows]

    @property
    def columns(self) -> int:
        """The columns that its longest document may need."""
        return max((row.columns for row in self._rows), default=0)

    @property
    def cells(self) -> int:
        """The tokens that its KV cache and prefixes have, or were to have, memory for."""
        cache = max(self._cache.slots * self._cache.columns, len(self._rows) * self.columns)
        return cache + _tokens_of(self._prefixes())

    def admit(self, state: RequestState, beside: Sequence[list[int]]) -> bool:
        """Admit a document if there is room. `beside` are waiting prompts of its group."""
        rows = len(self._rows) + 1
        if rows > max(1, self._budget.rows):
            return False
        row, self._refused = self._refused, None
        if row is None or row.state is not state:
            row = PackedRow(state, self._shelf.find(state.prompt, state.group, beside))
        if not self._has_room_beside(row):
            self._refused = row  # it is offered again at each step, but its prefix is chosen once
            return False
        state.prefix_tokens = row.shared
        self._rows.append(row)
        return True

    def step(self) -> list[RowWork]:
        """Decode a token for each document, and prefill as many tokens of new prompts as the step holds."""
        self._make_room()
        step = PackedStep(self._softmax)
        sampled = self._add_decode_rows(step)
        work = self._add_pieces(step, sampled)
        logits = self._forward(step)
        work += self._give_tokens(logits, sampled)
        return work

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Drop documents, whatever their state."""
        for state in gone:
            slot = self.running.index(state)
            self._cache.clear(slot)  # it may hold NaN: only a first token shows that it does not
            self._vacate(slot)

    def close_group(self, group: int) -> None:
        """Forget how often a prefix was chosen for the group."""
        self._shelf.forget(group)

    def release(self) -> None:
        """Drop all documents and their memory, as after a failed step."""
        self._rows.clear()
        self._refused = None
        self._shelf.clear()  # the failed step may not have computed their tokens
        self._cache.release()

    def _has_room_beside(self, row: PackedRow) -> bool:
        """Whether the budget holds one row more. Prefixes that are not in use give way."""
        rows, columns = len(self._rows) + 1, max(row.columns, self.columns)
        if self._budget.holds(rows, columns, _tokens_of(self._prefixes(row))):
            return True
        self._shelf.keep_only(self._in_use(row))
        return self._budget.holds(rows, columns, _tokens_of(self._prefixes(row)))

    def _prefixes(self, *more: PackedRow) -> set[Prefix]:
        """Prefixes that take memory, or will."""
        return self._in_use(*more).union(self._shelf.kept)

    def _in_use(self, *more: PackedRow) -> set[Prefix]:
        return {row.prefix for row in (*self._rows, *more) if row.prefix is not None}

    def _make_room(self) -> None:
        """Resize the cache: more columns as rows grow, fewer when long documents are gone."""
        need = max(row.filled + max(1, row.waiting) for row in self._rows)
        wanted = min(self.columns, need + GROWTH.get(self._device.type, self.columns))
        columns = max(wanted, -(-need // WHOLE_COLUMNS) * WHOLE_COLUMNS)
        slots = len(self._rows)
        if need <= self._cache.columns <= TOO_MANY * columns and slots <= self._cache.slots:
            return
        cells = self._budget.cells - _tokens_of(self._prefixes())
        slots = max(slots, min(self._budget.rows, cells // columns))
        self._cache.resize(slots, columns, len(self._rows))

    def _add_decode_rows(self, step: PackedStep) -> list[PackedRow]:
        """Add the newest token of each document that is past prefill."""
        decode_rows, sampled = [], []
        for slot, row in enumerate(self._rows):
            if not row.waiting:
                decode_rows.append(DecodeRow(slot, row.filled, row.prefix))
                sampled.append(row)
                step.add_token(row.state.generated[-1], row.shared + row.filled)
                row.filled += 1
        if decode_rows:
            step.decoding = self._decoding.of(self._cache, len(self._rows), decode_rows)
        return sampled

    def _add_pieces(self, step: PackedStep, sampled: list[PackedRow]) -> list[RowWork]:
        """Add prompts, as far as the step holds them. A document whose prompt is then complete gets a token."""
        work = []
        for slot, row in enumerate(self._rows):
            if not row.waiting:
                continue
            before = len(step.tokens)
            if row.prefix is not None and self._add_prefix(step, row.prefix):
                row.state.prefix_tokens -= len(step.tokens) - before
            room = self._step_tokens - len(step.tokens)
            if room > 0 and (row.prefix is None or row.prefix.filled == len(row.prefix)):
                self._add_piece(step, slot, row, room)
                if not row.waiting:
                    step.want_last()
                    sampled.append(row)
            computed = len(step.tokens) - before
            work.append(RowWork(row.state, prompt_tokens=computed, cells=computed))
        return work

    def _add_prefix(self, step: PackedStep, prefix: Prefix) -> bool:
        """Add what is not computed of a prefix. Returns whether there was anything."""
        prefix.make_room(self._shape)
        room = self._step_tokens - len(step.tokens)
        ids = prefix.ids[prefix.filled : prefix.filled + max(0, room)]
        if ids:
            step.add_piece(Piece(ids, prefix.filled, prefix.keys, prefix.values, None))
            prefix.filled += len(ids)
        return bool(ids)

    def _add_piece(self, step: PackedStep, slot: int, row: PackedRow, room: int) -> None:
        start = row.shared + row.filled
        ids = row.state.prompt[start : start + room]
        keys = [layer[slot] for layer in self._cache.keys]
        values = [layer[slot] for layer in self._cache.values]
        step.add_piece(Piece(ids, row.filled, keys, values, row.prefix))
        row.filled += len(ids)

    def _give_tokens(self, logits: torch.Tensor, sampled: list[PackedRow]) -> list[RowWork]:
        if not sampled:  # no prompt is complete yet
            return []
        tokens = pick_tokens(logits, [row.state for row in sampled])
        for row, token in zip(sampled, tokens, strict=True):
            if token is None:
                row.state.fail(not_a_number(self._shape.dtype))
                self._cache.clear(self._rows.index(row))
            else:
                row.state.append(token)
        for slot in reversed(range(len(self._rows))):
            if self._rows[slot].state.ended:
                self._vacate(slot)
        return [RowWork(row.state, new_tokens=1) for row in sampled]

    def _vacate(self, slot: int) -> None:
        """Free a slot and move the last document into it, so that the first slots stay in use."""
        last = self._rows.pop()
        if slot < len(self._rows):
            if last.filled:
                self._cache.move(len(self._rows), slot, last.filled)
            self._rows[slot] = last


def _tokens_of(prefixes: Iterable[Prefix]) -> int:
    return sum(map(len, prefixes))
