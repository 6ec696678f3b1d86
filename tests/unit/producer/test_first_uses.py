"""Each id of a dry run is found again, in a few bytes."""

import tracemalloc

from qwenq.producer.first_uses import FirstUses


def test_an_id_is_found_at_its_first_use() -> None:
    uses = FirstUses()
    ids = [f"{n:05}" for n in range(20_000)]
    assert all(uses.of(one, n % 300, n * 1_000_003) is None for n, one in enumerate(ids))
    assert all(uses.of(one, 7, 7) == (n % 300, n * 1_000_003) for n, one in enumerate(ids))


def test_an_id_takes_at_most_40_bytes() -> None:
    uses = FirstUses()
    tracemalloc.start()
    for n in range(200_000):
        uses.of(f"contracts/{n}.pdf", 0, n)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 40 * 200_000
