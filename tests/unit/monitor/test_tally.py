"""Counters: each row counts once, and nothing that is removed lowers them."""

from dataclasses import replace

from qwenq.monitor.metrics.tally import MOST_MODELS, OTHER, SIZES, Tally
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.views.gauges import ChunkSums, Gauges, MeasuredBatch, RestedJobs, Waiting

EMPTY = Gauges({}, {}, {}, {}, {}, (), 0, 0, 0, (), 0, RestedJobs(0, None, ChunkSums(*[0] * 10)))


def batch(number: int, model: str = "m", together: float = 3.0) -> MeasuredBatch:
    return MeasuredBatch(number, model, 2, 20, 30, 10, 8, 0.5, together, AnswerSeconds([2] + [0] * 12, 0.1))


def samples(tally: Tally) -> dict[tuple[str, str], float]:
    """The samples by name, and by bucket or model."""
    return {
        (sample.name, sample.labels.get("le", sample.labels.get("model", ""))): sample.value
        for family in tally.families()
        for sample in family.samples
    }


def test_the_first_scrape_counts_nothing_from_before() -> None:
    tally = Tally()
    tally.add(replace(EMPTY, attempts=100, rescues=7, newest_batch=40))
    found = samples(tally)
    assert (found["qwenq_chunk_attempts_total", ""], found["qwenq_chunk_rescues_total", ""]) == (0, 0)
    assert tally.after_batch == 40


def test_attempts_do_not_fall_when_chunks_are_removed() -> None:
    tally = Tally()
    for attempts, expected in ((10, 0), (14, 4), (3, 4), (5, 6)):
        tally.add(replace(EMPTY, attempts=attempts))
        assert samples(tally)["qwenq_chunk_attempts_total", ""] == expected


def test_batches_are_summed_by_model() -> None:
    tally = Tally(after_batch=0)
    tally.add(replace(EMPTY, batches=(batch(1), batch(2), batch(3, "other")), newest_batch=3))
    found = samples(tally)
    assert (found["qwenq_prompt_tokens_total", "m"], found["qwenq_prompt_tokens_total", "other"]) == (60, 30)
    assert found["qwenq_prompt_cells_total", "m"] == 60
    assert tally.after_batch == 3


def test_the_next_scrape_continues_after_the_last_batch_of_a_backlog() -> None:
    tally = Tally(after_batch=0)
    tally.add(replace(EMPTY, batches=(batch(1), batch(2)), newest_batch=50))
    assert tally.after_batch == 2


def test_reused_batch_ids_are_counted_again() -> None:
    tally = Tally(after_batch=90)
    tally.add(replace(EMPTY, newest_batch=12))
    assert tally.after_batch == 12


def test_a_model_is_exported_at_zero_before_its_first_batch() -> None:
    tally = Tally()
    tally.add(replace(EMPTY, waiting={"m": Waiting(1, 1, 0.0)}))
    found = samples(tally)
    assert found["qwenq_completion_tokens_total", "m"] == 0
    assert found["qwenq_generation_seconds_bucket", "+Inf"] == 0


def test_batch_sizes_fall_into_buckets_and_unmeasured_ones_do_not_count() -> None:
    tally = Tally(after_batch=0)
    sizes = (SIZES[1], SIZES[1] + 0.1, SIZES[-1] + 1, 0.0)
    tally.add(replace(EMPTY, batches=tuple(batch(place, together=one) for place, one in enumerate(sizes, 1))))
    found = samples(tally)
    buckets = [found["qwenq_batch_size_bucket", le] for le in ("1.0", "2.0", "4.0", "256.0", "+Inf")]
    assert buckets == [0, 1, 2, 2, 3]


def test_an_active_model_replaces_the_label_of_the_longest_idle_one() -> None:
    tally = Tally(after_batch=0)
    for number in range(MOST_MODELS):
        tally.add(replace(EMPTY, batches=(batch(1, f"m{number}"),)))
    tally.add(replace(EMPTY, batches=(batch(1, "m0"), batch(2, "new"))))
    assert [tally.label_of(model) for model in ("m0", "m1", "m2", "new")] == ["m0", OTHER, "m2", "new"]
    assert samples(tally)["qwenq_prompt_tokens_total", "m0"] == 60


def test_models_that_only_wait_replace_no_label() -> None:
    tally = Tally(after_batch=0)
    tally.add(replace(EMPTY, batches=(batch(1, "m"),)))
    tally.add(replace(EMPTY, waiting={f"w{number}": Waiting(1, 1, 0.0) for number in range(999)}))
    models = {model for name, model in samples(tally) if name == "qwenq_prompt_tokens_total"}
    assert len(models) == MOST_MODELS
    assert "m" in models


def test_active_models_beyond_the_limit_share_one_label() -> None:
    tally = Tally(after_batch=0)
    many = tuple(batch(number, f"m{number}") for number in range(MOST_MODELS + 3))
    for _ in range(2):
        tally.add(replace(EMPTY, batches=many))
    found = samples(tally)
    assert found["qwenq_generated_documents_total", OTHER] == 2 * 3 * 2
    assert found["qwenq_generated_documents_total", "m0"] == 2 * 2
