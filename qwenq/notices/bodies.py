"""An event as each kind of receiver wants it: as it is, in the JSON of Slack and Teams, as a mail."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import orjson

from qwenq.notices.targets import Kind
from qwenq.schemas.jobs import DocumentCounts
from qwenq.schemas.log.visible import visible_line
from qwenq.wording.numbers import counted, number, precise_duration
from qwenq.wording.outcomes import incomplete_in_words

_WIDEST = 2_000
"""The longest line in characters: Slack refuses texts of more than 40,000."""


def body_of(kind: Kind, event: str) -> bytes:
    """The body of the request that posts an event to a webhook, Slack or Teams."""
    if kind is Kind.WEBHOOK:
        return event.encode()
    title, *lines = words_of(event)
    if kind is Kind.SLACK:
        text = "\n".join([f"*{_of_slack(title)}*", *map(_of_slack, lines)])
        return orjson.dumps({"text": text})
    return orjson.dumps(_card(title, lines, orjson.loads(event)["data"].get("link")))


def mail_of(event: str, key: str, sender: str, receiver: str) -> EmailMessage:
    """The mail about an event; its id is made of the notice's key, so that programs notice a second copy."""
    title, *lines = words_of(event)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"qwenq: {title}"
    mail["From"] = sender
    mail["To"] = receiver
    mail["Message-ID"] = f"<{key}.{receiver.partition('@')[0]}@qwenq.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([title, "", *lines, ""]))
    return mail


def words_of(event: str) -> list[str]:
    """An event in lines for a person: a title first."""
    found = orjson.loads(event)
    facts: Mapping[str, Any] = found["data"]
    state = found["type"].partition(".")[2]
    if "schedule" in facts:
        title = f"schedule {facts['schedule']}: run {facts['run']} {state}"
    else:
        name = f" ({facts['name']})" if facts.get("name") else ""
        title = f"job {facts['job']}{name} {state}"
    lines = [facts.get("error_message"), _counts(facts), _incomplete(facts), _costs(facts)]
    lines += [f"{label}: {facts[name]}" for name, label in _LABELS.items() if facts.get(name)]
    return [visible_line(line)[:_WIDEST] for line in (title, *lines) if line]


_LABELS = {
    "output": "answers",
    "due_at": "due",
    "started_at": "started",
    "finished_at": "finished",
    "model": "model",
    "link": "job's page",
}


def _counts(facts: Mapping[str, Any]) -> str | None:
    if facts.get("documents") is None:
        return None
    counts = counted(facts["documents"], "document")
    return f"{counts}, {number(facts['failed'])} failed, {number(facts['reused'])} reused"


def _incomplete(facts: Mapping[str, Any]) -> str | None:
    return incomplete_in_words(DocumentCounts.model_validate(facts))


def _costs(facts: Mapping[str, Any]) -> str | None:
    if facts.get("completion_tokens") is None:
        return None
    tokens = (
        f"{number(facts['prompt_tokens'])} prompt tokens, {number(facts['completion_tokens'])} answer tokens"
    )
    seconds = facts.get("device_seconds")
    return tokens if seconds is None else f"{tokens}, {precise_duration(seconds)} of devices"


def _of_slack(text: str) -> str:
    """Escape what Slack would take for links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(title: str, lines: list[str], link: str | None) -> dict[str, Any]:
    """A message of Teams with one Adaptive Card."""
    blocks = [{"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": line, "wrap": True, "spacing": "Small"} for line in lines]
    actions = [{"type": "Action.OpenUrl", "title": "Open the job", "url": link}] if link else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
