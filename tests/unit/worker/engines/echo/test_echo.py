"""The echo engine: answers, reports, speed."""

import time
from dataclasses import replace

from qwenq.schemas.requests import BatchMetrics, EngineHooks
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.options import EngineOptions
from tests.unit.worker.engines.asking import ask, ask_plainly

FLOOR = 20_000  # documents a second of processor time; an idle machine reaches 100,000


def test_an_echo_answers_with_the_last_user_message(quiet: EngineHooks) -> None:
    (answer,) = EchoEngine(EngineOptions(), quiet).generate([ask("the  invoice\n", key=7)])
    assert (answer.key, answer.text) == (7, "Summarise: the  invoice\n")
    assert answer.finish_reason is FinishReason.STOP
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 3)
    assert answer.seconds > 0


def test_an_echo_has_a_revision_that_never_changes(quiet: EngineHooks) -> None:
    engine = EchoEngine(EngineOptions(), quiet)
    assert engine.load().weights.revision == "echo"
    assert engine.describe().way == "one by one"


def test_an_echo_ends_at_the_word_limit(quiet: EngineHooks) -> None:
    (answer,) = EchoEngine(EngineOptions(), quiet).generate([ask("a b c d", max_new_tokens=3)])
    assert answer.text == "Summarise: a b"
    assert answer.finish_reason is FinishReason.LENGTH
    assert answer.usage.completion_tokens == 3


def test_an_echo_ends_before_the_first_stop_string(quiet: EngineHooks) -> None:
    request = ask_plainly("one two three four", stop=("four", "two"))
    (answer,) = EchoEngine(EngineOptions(), quiet).generate([request])
    assert (answer.text, answer.finish_reason) == ("one ", FinishReason.STOP)


def test_a_blank_document_fails_and_the_next_is_echoed(quiet: EngineHooks) -> None:
    engine = EchoEngine(EngineOptions(), quiet)
    blank, good = engine.generate([ask_plainly(" \n", key=1), ask_plainly("text", key=2)])
    assert blank.failure is not None
    assert blank.failure.code == "empty_prompt"
    assert good.text == "text"


def test_a_json_answer_is_refused(quiet: EngineHooks) -> None:
    held, free = EchoEngine(EngineOptions(), quiet).generate(
        [ask('{"total": 1}', key=1, response_format="json_object"), ask("text", key=2)]
    )
    assert held.failure is not None
    assert (held.text, held.failure.code) == ("", "generation_error")
    assert "the format json_object" in held.failure.message
    assert free.failure is None


def test_a_group_is_reported_at_its_end_and_steps_every_few_documents() -> None:
    steps: list[None] = []
    batches: list[BatchMetrics] = []
    hooks = EngineHooks(on_step=lambda: steps.append(None), on_batch=batches.append)
    first = ask("a", group=1)
    requests = [*[first] * 9, replace(first, closes_group=True), ask("a", group=2)]
    answers = list(EchoEngine(EngineOptions(batch_rows=4), hooks).generate(requests))
    assert len(answers) == 11
    assert [(batch.group, batch.rows, batch.together) for batch in batches] == [(1, 10, 4), (2, 1, 1)]
    assert len(steps) == 4
    assert sum(batch.new_tokens for batch in batches) == 22


def test_an_echo_is_faster_than_the_pipeline(quiet: EngineHooks) -> None:
    requests = [ask("a few words of an invoice")] * 20_000
    started = time.thread_time()
    answered = sum(1 for _ in EchoEngine(EngineOptions(), quiet).generate(requests))
    assert answered / (time.thread_time() - started) > FLOOR
