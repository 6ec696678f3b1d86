"""Reasons are counted by kind, and the rest of them together."""

from qwenq.producer.reasons import CountedReason, Reasons


def test_reasons_beyond_the_commonest_are_counted_together() -> None:
    reasons = Reasons()
    for n in range(2_000):
        reasons.add("a", "always", n + 1)
        reasons.add("b", "seldom " + "x" * (n % 150), n + 1)
    first, second, others = reasons.commonest(2)
    assert first == CountedReason("a", "always", 2_000, 1)
    assert second.documents == 14
    assert others == CountedReason("", "other reasons", 2_000 - 14, 0)


def test_memory_is_bounded_by_a_thousand_kinds() -> None:
    reasons = Reasons()
    for n in range(3_000):
        reasons.add("a", "why " + "xyz"[n % 3] * (n % 61) + "abc"[n % 3] * (n // 61), 1)
    assert len(reasons.commonest(5_000)) == 1_001
    assert sum(one.documents for one in reasons.commonest(5_000)) == 3_000
