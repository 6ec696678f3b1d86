"""What Slack, Teams and mail get of an event."""

import json

import orjson
import pytest

from qwenq.notices.bodies import body_of, mail_of, words_of
from qwenq.notices.targets import Kind

EVENT = orjson.dumps(
    {
        "type": "run.failed",
        "data": {
            "schedule": "<!channel> nightly",
            "run": 5,
            "job": 7,
            "link": "https://flower.example/jobs/7",
            "documents": 1_200,
            "failed": 1,
            "reused": 3,
            "cut": 5,
            "empty": 4,
            "reasoning_cut": 2,
            "reasoning_ended": 1,
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "device_seconds": 1.5,
            "error_message": "1 of 1,200\r\nBcc: all@example.org",
        },
    }
).decode()


def test_a_plain_webhook_gets_the_event_byte_for_byte() -> None:
    assert body_of(Kind.WEBHOOK, EVENT) == EVENT.encode()


def test_the_words_of_an_event_are_lines_with_its_counts_and_its_link() -> None:
    title, *lines = words_of(EVENT)
    assert title == "schedule <!channel> nightly: run 5 failed"
    assert "1,200 documents, 1 failed, 3 reused" in lines
    assert (
        "of the answers, 3 cut at the limit of tokens, 2 empty since the reasoning was cut, "
        "1 empty since the model ended with its reasoning, 1 without text"
    ) in lines
    assert "10 prompt tokens, 20 answer tokens, 1.5 s of devices" in lines
    assert lines[-1] == "job's page: https://flower.example/jobs/7"
    assert not any("\n" in line for line in (title, *lines))


def test_slack_gets_a_text_that_mentions_nobody() -> None:
    text = json.loads(body_of(Kind.SLACK, EVENT))["text"]
    assert text.startswith("*schedule &lt;!channel&gt; nightly: run 5 failed*\n")
    assert "<" not in text


def test_teams_gets_a_card_that_opens_the_job() -> None:
    [attachment] = json.loads(body_of(Kind.TEAMS, EVENT))["attachments"]
    card = attachment["content"]
    assert (card["type"], card["body"][0]["text"]) == (
        "AdaptiveCard",
        "schedule <!channel> nightly: run 5 failed",
    )
    assert card["actions"][0]["url"] == "https://flower.example/jobs/7"


@pytest.mark.parametrize("name", ["reviews\r\nBcc: all@example.org", "évaluations", None])
def test_a_mail_has_one_receiver_whatever_a_job_is_called(name: str | None) -> None:
    event = orjson.dumps({"type": "job.completed", "data": {"job": 7, "name": name}}).decode()
    mail = mail_of(event, "job_7_x", "qwenq@example.org", "ann@example.org")
    assert (mail["To"], mail["Bcc"]) == ("ann@example.org", None)
    assert str(mail["Subject"]).startswith("qwenq: job 7")
    assert (
        mail_of(event, "job_7_x", "qwenq@example.org", "ann@example.org")["Message-ID"] == mail["Message-ID"]
    )
    assert b"\r\nBcc" not in mail.as_bytes()
