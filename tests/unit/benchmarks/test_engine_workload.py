"""The workloads of the engine benchmark keep their lengths, and draw their words anew for each round."""

from benchmarks.engine_workload import mixed_workload, short_workload


def test_the_bars_are_for_the_mixed_workload() -> None:
    workload = mixed_workload(24, 32_000, 0)
    assert (len(workload.jobs), workload.prompt_tokens, workload.new_tokens) == (24, 8422, 1137)
    assert all(200 <= len(job.prompt) <= 620 and 8 <= job.new_tokens <= 128 for job in workload.jobs)
    assert len({tuple(job.prompt[:120]) for job in workload.jobs}) == 1
    assert workload.differing_tokens == 8422 - 23 * 120


def test_each_round_has_the_same_lengths_and_new_prompts() -> None:
    one, other = mixed_workload(6, 32_000, 1), mixed_workload(6, 32_000, 2)
    assert [len(job.prompt) for job in one.jobs] == [len(job.prompt) for job in other.jobs]
    assert [job.new_tokens for job in one.jobs] == [job.new_tokens for job in other.jobs]
    assert one.jobs[0].prompt[:16] != other.jobs[0].prompt[:16]
    assert mixed_workload(6, 32_000, 1) == one


def test_short_documents_share_one_long_prefix() -> None:
    workload = short_workload(50, 1000, 0)
    assert all(320 <= len(job.prompt) <= 360 and job.new_tokens == 4 for job in workload.jobs)
    assert len({tuple(job.prompt[:300]) for job in workload.jobs}) == 1
    own = sum(len(job.prompt) - 300 for job in workload.jobs)
    assert workload.differing_tokens == 300 + own
