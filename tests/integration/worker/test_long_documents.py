"""Long documents are cut, answered in parts and merged; nothing is lost, and no answered part is asked again."""

from typing import Any

import pytest

from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.answers.parts import parts_of
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.jobs.statuses import job_status
from qwenq.worker.keeping.keeper import Keeper
from tests.integration.worker.long_turn import ANSWER, CONTEXT, PROMPT, LongTurns, words
from tests.turns import quick
from tests.waiting import eventually

SHORT = "one two three"
LONG = words(100)
PARTS = 4
"""The parts that `LONG` is cut into."""


@pytest.fixture
def turns(store: Store, settings: Settings) -> LongTurns:
    """A worker whose model has a context of forty words."""
    return LongTurns(store, settings)


def results(turns: LongTurns, job_id: int) -> list[tuple[str, str, int]]:
    with turns.store.reading() as connection:
        return [(one.custom_id, one.text, one.parts) for one in results_of(connection, job_id)]


def errors(turns: LongTurns, job_id: int) -> list[tuple[str | None, str, str]]:
    with turns.store.reading() as connection:
        return [(one.custom_id, one.error.code, one.error.message) for one in errors_of(connection, job_id)]


def test_a_long_document_is_cut_answered_and_merged_beside_short_ones(turns: LongTurns) -> None:
    job_id = turns.job(SHORT, LONG, SHORT)
    turns.answer(job_id)
    rows = turns.parts(job_id)
    assert [(one.seq, one.level, one.part) for one in rows] == [(1, 0, place) for place in range(len(rows))]
    assert "".join(LONG[one.first_char : one.last_char + 1] for one in rows) == LONG
    assert all(one.prompt_tokens + ANSWER <= CONTEXT for one in rows)
    whole = " | ".join(one.text for one in rows)
    merged = " ".join(f"Merge {len(rows)}: {whole}".split()[:ANSWER])
    short = f"Shorten: {SHORT}"
    assert results(turns, job_id) == [("d0", short, 1), ("d1", merged, len(rows)), ("d2", short, 1)]


def test_usage_counts_the_parts_and_the_merges(turns: LongTurns) -> None:
    job_id = turns.job(LONG)
    turns.answer(job_id)
    with turns.store.reading() as connection:
        (result,) = results_of(connection, job_id)
        status = job_status(connection, job_id)
    asked = [len(prompt.split()) for prompt in turns.asked]
    assert result.usage.prompt_tokens == sum(asked)
    assert result.usage.completion_tokens == ANSWER * len(asked)
    assert len(asked) == result.parts + 1
    assert status is not None
    assert status.usage.prompt_tokens == sum(asked)


def test_answers_that_do_not_fit_into_one_prompt_are_merged_in_levels(turns: LongTurns) -> None:
    text = words(1_000)
    job_id = turns.job(text)
    turns.answer(job_id)
    rows = turns.parts(job_id)
    levels = [one.level for one in rows]
    assert levels.count(0) > levels.count(1) > levels.count(2) > 0
    for level in range(3):
        spans = [(one.first_char, one.last_char) for one in rows if one.level == level]
        assert spans[0][0] == 0
        assert spans[-1][1] == len(text) - 1
    assert all(len(prompt.split()) + ANSWER <= CONTEXT for prompt in turns.asked)
    ((_, _, parts),) = results(turns, job_id)
    assert parts == levels.count(0)


def test_parts_answered_before_a_crash_are_not_asked_again(turns: LongTurns) -> None:
    job_id = turns.job(LONG, words(100, "v"))
    turns.die_after(job_id, answers=2)
    assert len(turns.parts(job_id)) == 2
    turns.die_after(job_id, answers=1)
    turns.answer(job_id)
    assert len(turns.asked) == len(set(turns.asked)) == 2 * (PARTS + 1)
    assert [one[2] for one in results(turns, job_id)] == [PARTS, PARTS]


def test_after_a_crash_before_the_merge_only_the_merge_is_asked(turns: LongTurns) -> None:
    job_id = turns.job(LONG)
    turns.die_after(job_id, answers=PARTS)
    turns.answer(job_id)
    assert [prompt.split()[0] for prompt in turns.asked] == ["Shorten:"] * PARTS + ["Merge"]


def test_crashes_of_attempts_that_answered_a_part_make_no_poison(turns: LongTurns) -> None:
    job_id = turns.job(words(300))
    for _ in range(5):
        turns.die_after(job_id, answers=1)
    turns.answer(job_id)
    assert not errors(turns, job_id)


def test_a_failed_part_fails_its_document_with_its_code_and_its_place(turns: LongTurns) -> None:
    turns.failing = " w50 "
    job_id = turns.job(SHORT, LONG)
    turns.answer(job_id)
    ((custom_id, code, message),) = errors(turns, job_id)
    assert (custom_id, code) == ("d1", "generation_error")
    assert message.startswith("In part 2 of 4, characters ")
    assert message.endswith(" of the document: the device is upset")
    assert [one[0] for one in results(turns, job_id)] == ["d0"]


def test_a_failed_part_leaves_nothing_owed_when_the_turn_claims_no_more(turns: LongTurns) -> None:
    turns.rhythm = quick(turn_seconds=0.0, tick_seconds=30.0)
    turns.failing = " w50 "
    job_id = turns.job(LONG)
    turns.answer(job_id)
    assert [one[1] for one in errors(turns, job_id)] == ["generation_error"]


def test_a_retry_asks_only_for_the_part_that_failed(turns: LongTurns) -> None:
    turns.failing = " w50 "
    job_id = turns.job(LONG)
    turns.answer(job_id)
    before = len(turns.asked)
    with turns.store.writing() as connection:
        retry_failed(connection, job_id)
    turns.failing = "nothing"
    turns.answer(job_id)
    again = turns.asked[before:]
    assert [prompt.split()[0] for prompt in again if " w50 " in prompt or "Merge" in prompt] == [
        "Shorten:",
        "Merge",
    ]
    assert set(again[:-1]) & set(turns.asked[: before - 1]) <= {again[0]}
    assert [one[2] for one in results(turns, job_id)] == [PARTS]


def test_a_failed_merge_fails_its_document_and_is_named_in_the_message(turns: LongTurns) -> None:
    turns.failing = "Merge"
    job_id = turns.job(LONG)
    turns.answer(job_id)
    ((_, code, message),) = errors(turns, job_id)
    assert code == "generation_error"
    assert message == "While the answers to its 4 parts were merged: the device is upset"


@pytest.mark.parametrize(
    ("prompt", "params", "said"),
    [
        (
            PromptSpec(template="{{ 'a ' * 50 }} {{ text }}", merge="{{ parts }}"),
            {},
            "without the document it has 50 tokens",
        ),
        (
            PromptSpec(template="{{ text }}", merge="{{ parts }}"),
            {"max_new_tokens": 40},
            "has 0 tokens, the answer may have 40",
        ),
        (
            PromptSpec(template="{{ text }}", merge="{{ 'a ' * 50 }} {{ parts }}"),
            {},
            " parts cannot be merged",
        ),
        (PromptSpec(template="{{ text }}", merge="{{ missing }} {{ parts }}"), {}, "'missing' is undefined"),
    ],
    ids=[
        "no room beside the prompt",
        "no room beside the answer",
        "no room to merge",
        "a merge prompt that fails",
    ],
)
def test_a_document_that_cannot_be_cut_or_merged_fails_alone(
    turns: LongTurns, prompt: PromptSpec, params: dict[str, Any], said: str
) -> None:
    job_id = turns.job(SHORT, LONG, prompt=prompt, **params)
    turns.answer(job_id)
    assert said in errors(turns, job_id)[-1][2]


def test_a_document_that_is_long_only_by_its_blanks_is_one_part(turns: LongTurns) -> None:
    text = "a b c" + " " * 500
    turns.context = 12
    job_id = turns.job(text, prompt=PromptSpec(merge="{{ parts }}"))
    turns.answer(job_id)
    assert [one[2] for one in results(turns, job_id)] == [1]


def test_identical_long_documents_are_cut_once_and_reused_later(turns: LongTurns) -> None:
    first = turns.job(LONG, LONG, reuse=True)
    turns.answer(first)
    assert len(turns.asked) == PARTS + 1
    second = turns.job(LONG, reuse=True)
    turns.answer(second)
    assert len(turns.asked) == PARTS + 1
    assert results(turns, second) == [("d0", results(turns, first)[0][1], PARTS)]


def test_identical_long_documents_fail_together(turns: LongTurns) -> None:
    turns.failing = " w50 "
    job_id = turns.job(LONG, LONG, reuse=True)
    turns.answer(job_id)
    assert [one[0] for one in errors(turns, job_id)] == ["d0", "d1"]


@pytest.mark.parametrize(
    ("context", "merge", "policy"),
    [
        (CONTEXT, "Join {{ parts }}", "split"),
        (CONTEXT + 10, PROMPT.merge, "split"),
        (CONTEXT, PROMPT.merge, "truncate"),
    ],
    ids=["merge prompt", "context", "policy"],
)
def test_a_different_way_to_cut_or_merge_is_generated_anew(
    turns: LongTurns, context: int, merge: str, policy: str
) -> None:
    turns.answer(turns.job(LONG, reuse=True))
    later = LongTurns(turns.store, turns.settings, context)
    prompt = PROMPT.model_copy(update={"merge": merge})
    later.answer(later.job(LONG, prompt=prompt, reuse=True, on_overflow=policy))
    assert later.asked


def test_without_a_merge_prompt_a_long_document_fails_as_too_long(turns: LongTurns) -> None:
    job_id = turns.job(LONG, prompt=PromptSpec(template="{{ text }}"))
    turns.answer(job_id)
    assert [code for _, code, _ in errors(turns, job_id)] == ["too_long"]


def test_a_cancelled_job_asks_no_further_part(turns: LongTurns) -> None:
    job_id = turns.job(words(1_000))

    def cancel(given: int, keeper: Keeper) -> None:
        if given == 3:
            with turns.store.writing() as connection:
                cancel_job(connection, job_id)
            eventually(lambda: not keeper.ledger.claims(), "the cancelling is noticed")

    turns.after = cancel
    turns.answer(job_id)
    assert len(turns.asked) == 3
    with turns.store.reading() as connection:
        assert [(line.custom_id, line.level, line.part) for line in parts_of(connection, job_id)] == [
            ("d0", 0, place) for place in range(3)
        ]


def test_a_resumed_job_goes_on_from_its_answered_parts(turns: LongTurns) -> None:
    turns.rhythm = quick(turn_seconds=0.0)
    job_id = turns.job(LONG)

    def pause(given: int, keeper: Keeper) -> None:
        if given == 2:
            with turns.store.writing() as connection:
                pause_job(connection, job_id)
            eventually(
                lambda: all(claim.is_paused for claim in keeper.ledger.open_claims()), "the pause is noticed"
            )

    turns.after = pause
    turns.answer(job_id)
    assert len(turns.asked) == len(turns.parts(job_id)) < PARTS
    with turns.store.writing() as connection:
        resume_job(connection, job_id)
    turns.after = lambda _given, _keeper: None
    turns.answer(job_id)
    assert len(turns.asked) == len(set(turns.asked)) == PARTS + 1
    assert [one[2] for one in results(turns, job_id)] == [PARTS]


def test_a_document_of_hundreds_of_pages_gets_one_answer(turns: LongTurns) -> None:
    text = words(200 * 500).replace("9. ", "9.\\n\\n")
    turns.context = 4_096
    job_id = turns.job(text, max_new_tokens=200)
    turns.answer(job_id)
    rows = turns.parts(job_id)
    stored = text.replace("\\n", "\n")
    assert "".join(stored[one.first_char : one.last_char + 1] for one in rows if one.level == 0) == stored
    assert all(one.prompt_tokens + 200 <= 4_096 for one in rows)
    assert all(stored[one.last_char] in "\n." for one in rows if one.level == 0)
    assert max(one.level for one in rows) == 1
    ((_, _, parts),) = results(turns, job_id)
    assert parts == sum(one.level == 0 for one in rows)
