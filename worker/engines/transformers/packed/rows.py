"""Running documents, packed without padding: for models whose attention can be replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from qwenq.schemas.errors import GenerationFailed
from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.packed.arena import CacheShape, KeyValueArena
from qwenq.worker.engines.transformers.packed.causal_softmax import causal_softmax
from qwenq.worker.engines.transformers.packed.decode_attention import Decoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.prefix import Prefix, PrefixShelf
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import Forward, PackedStep
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import NOT_A_NUMBER, RowWork

STEP_TOKENS = {"cpu": 1_024}  # a larger pass is no faster a token, and nobody is heard meanwhile
MOST_STEP_TOKENS = 8_192
GROWTH = {"cpu": 128}  # columns: there, attention is fastest over an arena without unused ones
WHOLE_COLUMNS = 64
TOO_MANY = 4  # times the columns that are wanted: the memory is better given back


def step_tokens(device: torch.device) -> int:
    """Give how many tokens go through the model at once at most, prompts included."""
    return STEP_TOKENS.get(device.type, MOST_STEP_TOKENS)


@dataclass(slots=True, eq=False)
class Row:
    """A running document: the prefix that it shares, and how many tokens after it are computed."""

    state: RequestState
    prefix: Prefix | None
    filled: int = 0

    @property
    def shared(self) -> int:
        """How many tokens of its prompt are in the prefix."""
        return len(self.prefix) if self.prefix is not None else 0

    @property
    def waiting(self) -> int:
        """How many tokens of its prompt are still to be computed, without the prefix."""
        return max(0, len(self.state.prompt) - self.shared - self.filled)

    @property
    def columns(self) -> int:
        """How many columns of its own it may come to need."""
        return len(self.state.prompt) - self.shared + self.state.params.max_new_tokens


class PackedRows:
    """A Runner without padding: the cells of a prompt are its tokens, and a shared prefix is computed once."""

    def __init__(self, network: PreTrainedModel, forward: Forward, budget: TokenBudget) -> None:
        self._shape = shape = CacheShape.of(network)
        self._device = network.device
        self._forward = forward
        self._budget = budget
        self._arena = KeyValueArena(shape)
        self._shelf = PrefixShelf()
        self._decoding = Decoding(shape)
        self._softmax = causal_softmax(shape.dtype, shape.device)
        self._rows: list[Row] = []
        self._refused: Row | None = None
        self._step_tokens = step_tokens(network.device)

    @property
    def running(self) -> list[RequestState]:
        """The documents that were taken in and have not ended."""
        return [row.state for row in self._rows]

    @property
    def columns(self) -> int:
        """How many columns its longest document may come to need."""
        return max((row.columns for row in self._rows), default=0)

    @property
    def cells(self) -> int:
        """How many tokens its arena and its prefixes have memory for, or were to have."""
        arena = max(self._arena.slots * self._arena.columns, len(self._rows) * self.columns)
        return arena + _tokens_of(self._prefixes())

    def admit(self, state: RequestState, beside: Sequence[list[int]]) -> bool:
        """Take a document in, if there is room; `beside` are prompts of its group that wait."""
        rows = len(self._rows) + 1
        if rows > max(1, self._budget.rows):
            return False
        row, self._refused = self._refused, None
        if row is None or row.state is not state:
            row = Row(state, self._shelf.find(state.prompt, state.group, beside))
        if not self._has_room_beside(row):
            self._refused = row  # it is offered again at each step: its prefix is chosen once
            return False
        state.prefix_tokens = row.shared
        self._rows.append(row)
        return True

    def step(self) -> list[RowWork]:
        """Give each running document a token; of new prompts, take in as much as a step holds."""
        self._make_room()
        step = PackedStep(self._softmax)
        takers = self._add_running(step)
        work = self._add_pieces(step, takers)
        logits = self._forward(step)
        work += self._give_tokens(logits, takers)
        return work

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Let documents go, whatever their state."""
        for state in gone:
            slot = self.running.index(state)
            self._arena.clear(slot)  # whether it holds numbers is not known before the first token
            self._vacate(slot)

    def close_group(self, group: int) -> None:
        """Hear that a group has no more documents here."""
        self._shelf.forget(group)

    def release(self) -> None:
        """Let all documents and the memory for them go, as after a step that failed."""
        self._rows.clear()
        self._refused = None
        self._shelf.clear()  # what the step should have computed of a prefix is not there
        self._arena.release()

    def _has_room_beside(self, row: Row) -> bool:
        """Whether the budget holds one row more. Prefixes that only may serve again give way to it."""
        rows, columns = len(self._rows) + 1, max(row.columns, self.columns)
        if self._budget.holds(rows, columns, _tokens_of(self._prefixes(row))):
            return True
        self._shelf.keep_only(self._in_use(row))
        return self._budget.holds(rows, columns, _tokens_of(self._prefixes(row)))

    def _prefixes(self, *more: Row) -> set[Prefix]:
        """Those that take memory, or will."""
        return self._in_use(*more).union(self._shelf.kept)

    def _in_use(self, *more: Row) -> set[Prefix]:
        return {row.prefix for row in (*self._rows, *more) if row.prefix is not None}

    def _make_room(self) -> None:
        """Fit the arena to the rows: more columns as they grow, fewer once a few long documents are gone."""
        need = max(row.filled + max(1, row.waiting) for row in self._rows)
        wanted = min(self.columns, need + GROWTH.get(self._device.type, self.columns))
        columns = max(wanted, -(-need // WHOLE_COLUMNS) * WHOLE_COLUMNS)
        slots = len(self._rows)
        if need <= self._arena.columns <= TOO_MANY * columns and slots <= self._arena.slots:
            return
        cells = self._budget.cells - _tokens_of(self._prefixes())
        slots = max(slots, min(self._budget.rows, cells // columns))
        self._arena.resize(slots, columns, len(self._rows))

    def _add_running(self, step: PackedStep) -> list[Row]:
        """Add the newest token of every document that has one."""
        decode_rows, takers = [], []
        for slot, row in enumerate(self._rows):
            if not row.waiting:
                decode_rows.append(DecodeRow(slot, row.filled, row.prefix))
                takers.append(row)
                step.add_token(row.state.generated[-1], row.shared + row.filled)
                row.filled += 1
        if decode_rows:
            step.decoding = self._decoding.of(self._arena, len(self._rows), decode_rows)
        return takers

    def _add_pieces(self, step: PackedStep, takers: list[Row]) -> list[RowWork]:
        """Add prompts, as far as the step holds them; a document whose prompt is then complete gets a token."""
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
                    takers.append(row)
            computed = len(step.tokens) - before
            work.append(RowWork(row.state, prompt_tokens=computed, cells=computed))
        return work

    def _add_prefix(self, step: PackedStep, prefix: Prefix) -> bool:
        """Add what is not computed yet of a prefix. Says whether there was anything."""
        prefix.make_room(self._shape)
        room = self._step_tokens - len(step.tokens)
        ids = prefix.ids[prefix.filled : prefix.filled + max(0, room)]
        if ids:
            step.add_piece(Piece(ids, prefix.filled, prefix.keys, prefix.values, None))
            prefix.filled += len(ids)
        return bool(ids)

    def _add_piece(self, step: PackedStep, slot: int, row: Row, room: int) -> None:
        start = row.shared + row.filled
        ids = row.state.prompt[start : start + room]
        keys = [layer[slot] for layer in self._arena.keys]
        values = [layer[slot] for layer in self._arena.values]
        step.add_piece(Piece(ids, row.filled, keys, values, row.prefix))
        row.filled += len(ids)

    def _give_tokens(self, logits: torch.Tensor, takers: list[Row]) -> list[RowWork]:
        if not takers:  # the step held beginnings of prompts only
            return []
        tokens = pick_tokens(logits, [row.state for row in takers])
        for row, token in zip(takers, tokens, strict=True):
            if token is None:
                row.state.fail(GenerationFailed(reason=NOT_A_NUMBER))
                self._arena.clear(self._rows.index(row))
            else:
                row.state.append(token)
        for slot in reversed(range(len(self._rows))):
            if self._rows[slot].state.ended:
                self._vacate(slot)
        return [RowWork(row.state, new_tokens=1) for row in takers]

    def _vacate(self, slot: int) -> None:
        """Free a slot; the last one's document moves into it, so that those in use stay the first ones."""
        last = self._rows.pop()
        if slot < len(self._rows):
            if last.filled:
                self._arena.move(len(self._rows), slot, last.filled)
            self._rows[slot] = last


def _tokens_of(prefixes: Iterable[Prefix]) -> int:
    return sum(map(len, prefixes))
