"""Out of memory: the batch is halved, the budget stays smaller, and no answer is lost."""

from collections import Counter

import pytest
import torch

from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.faults import POISON, failing, holds_poison
from tests.unit.worker.engines.transformers.letters import KINDS, Engines, by_key, codes, letter, letters


@pytest.fixture
def engines(checkpoint: Checkpoint) -> Engines:
    return Engines(checkpoint)


@pytest.mark.parametrize("name", KINDS)
def test_memory_that_runs_out_costs_no_answer(name: str, engines: Engines) -> None:
    requests = letters(11)
    expected = by_key(engines.engine(name, rows=8).generate(requests))

    def only_a_few_fit(ids: torch.Tensor) -> None:
        if ids.numel() > 120:
            raise torch.OutOfMemoryError("too many tokens")

    with failing(only_a_few_fit):
        assert by_key(engines.engine(name, rows=8).generate(requests)) == expected


@pytest.mark.parametrize("name", KINDS)
def test_memory_that_runs_out_while_decoding_costs_no_answer(name: str, engines: Engines) -> None:
    passes = 0

    def sixth_pass(_: torch.Tensor) -> None:
        nonlocal passes
        passes += 1
        if passes == 6:
            raise MemoryError

    requests = letters(8)
    engine = engines.engine(name, rows=8)
    expected = by_key(engine.generate(requests))
    with failing(sixth_pass):
        assert by_key(engine.generate(requests)) == expected


def test_the_smaller_budget_is_remembered(engines: Engines) -> None:
    failures = 0

    def only_a_few_fit(ids: torch.Tensor) -> None:
        nonlocal failures
        if ids.numel() > 120:
            failures += 1
            raise torch.OutOfMemoryError("too many tokens")

    engine = engines.engine(rows=8, tokens=8 * 60)
    with failing(only_a_few_fit):
        by_key(engine.generate(letters(11)))
        assert failures
        failures = 0
        assert codes(by_key(engine.generate(letters(11)))) == {}
        assert not failures


@pytest.mark.parametrize("name", KINDS)
def test_a_document_that_does_not_fit_alone_fails_alone(name: str, engines: Engines) -> None:
    requests = letters(7, poisoned=(2,))
    engine = engines.engine(name)
    expected = by_key(engine.generate(requests))

    def never_fits(ids: torch.Tensor) -> None:
        if holds_poison(ids):
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory")

    with failing(never_fits):
        answers = by_key(engine.generate(requests))
    assert codes(answers) == {2: "out_of_memory"}
    assert all(answers[key] == expected[key] for key in answers if key != 2)


def test_a_document_fits_alone_if_only_memory_for_others_was_missing(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    resize = KVCache.resize

    def limited(cache: KVCache, slots: int, columns: int, used: int) -> None:
        if slots * columns > 300:
            cache.slots, cache.columns = slots, columns
            raise torch.OutOfMemoryError("too many columns")
        resize(cache, slots, columns, used)

    requests = letters(5)
    engine = engines.engine(rows=32)
    expected = by_key(engine.generate(requests))
    monkeypatch.setattr(KVCache, "resize", limited)
    for chosen in (requests[:1], requests):
        answers = by_key(engines.engine(rows=32).generate(chosen))
        assert answers == {one.key: expected[one.key] for one in chosen}


def test_no_memory_for_a_shared_prefix_costs_no_answer(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room, refused = Prefix.make_room, 0

    def limited(prefix: Prefix, shape: CacheShape) -> None:
        nonlocal refused
        if refused < 2 and not prefix.keys:
            refused += 1
            raise torch.OutOfMemoryError("too many tokens")
        make_room(prefix, shape)

    requests = letters(9)
    expected = by_key(engines.engine(rows=4).generate(requests))
    monkeypatch.setattr(Prefix, "make_room", limited)
    assert by_key(engines.engine(rows=4).generate(requests)) == expected
    assert refused == 2


def test_documents_that_fit_no_memory_do_not_shrink_the_budget_of_others(engines: Engines) -> None:
    def never_fits(ids: torch.Tensor) -> None:
        if holds_poison(ids):
            raise torch.OutOfMemoryError

    sizes: Counter[int] = Counter()

    def rows_beside(ids: torch.Tensor) -> None:
        never_fits(ids)
        sizes[ids.numel()] += 1

    engine = engines.engine(rows=4, tokens=4 * 60)
    large = [letter(key, text=f"{key} {POISON}" + "The total is due. " * 45) for key in range(100, 110)]
    with failing(rows_beside):
        assert len(codes(by_key(engine.generate(large)))) == 10
        sizes.clear()
        assert codes(by_key(engine.generate([letter(key, new=9) for key in range(8)]))) == {}
    assert sizes[3] + sizes[4] > 0  # passes with so many rows
