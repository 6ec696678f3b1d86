"""Where notices go: plain webhooks, Slack, Teams, mail. Each is a URL, whose scheme says which."""

from dataclasses import dataclass
from email.headerregistry import Address
from enum import StrEnum
from urllib.parse import unquote, urlsplit

import requests

from qwenq.schemas.errors import InvalidParameter

_MAILTO = "mailto:"
_NEED_A_KIND = {"hooks.slack.com": "slack", "webhook.office.com": "teams"}
"""Hosts that do not take the JSON of a plain webhook."""


class Kind(StrEnum):
    """Who gets a notice, and so what it looks like."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a notice goes. `address` is the URL to post to, or the address of the mail."""

    kind: Kind
    address: str

    @classmethod
    def of(cls, url: str) -> "Target":
        """Take apart a URL such as https://…, slack:https://…, teams:https://… or mailto:ann@example.org."""
        if url.lower().startswith(_MAILTO):
            return cls(Kind.MAIL, unquote(url[len(_MAILTO) :].partition("?")[0]))
        scheme, _, rest = url.partition(":")
        if scheme.lower() in (Kind.SLACK, Kind.TEAMS):
            return cls(Kind(scheme.lower()), rest)
        return cls(Kind.WEBHOOK, url)

    @property
    def shown(self) -> str:
        """The target in words, without path and query, where many services have their secret."""
        if self.kind is Kind.MAIL:
            return f"mail to {self.address}"
        return f"{_NOUNS[self.kind]} at {host_of(self.address)}"


_NOUNS = {Kind.WEBHOOK: "webhook", Kind.SLACK: "Slack", Kind.TEAMS: "Teams"}


def check_target(option: str, url: str) -> None:
    """Raise InvalidParameter unless notices can go there."""
    target = Target.of(url)
    if target.kind is Kind.MAIL:
        _check_mail(option, target.address)
        return
    host = _host_to_post_to(target.address)
    if host is None:
        reason = (
            f"{shown_url(url)!r} is no place for notices; give https://HOST/PATH, slack:https://HOST/PATH, "
            "teams:https://HOST/PATH or mailto:NAME@HOST"
        )
        raise InvalidParameter(name=option, reason=reason)
    needed = next(
        (kind for name, kind in _NEED_A_KIND.items() if host == name or host.endswith(f".{name}")), None
    )
    if target.kind is Kind.WEBHOOK and needed:
        reason = f"{host} does not take the notices of plain webhooks; write {needed}: before the URL, as in {needed}:https://{host}/…"
        raise InvalidParameter(name=option, reason=reason)


def host_of(url: str) -> str:
    """The scheme and host of a URL, without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def shown_url(url: str) -> str:
    """A target's URL to show: its kind, scheme and host, and `/…` for the rest. An address of mail is no secret."""
    target = Target.of(url)
    if target.kind is Kind.MAIL:
        return f"{_MAILTO}{target.address}"
    prefix = "" if target.kind is Kind.WEBHOOK else f"{target.kind}:"
    try:
        parts = urlsplit(target.address)
    except ValueError:
        return "…"
    if not parts.netloc:
        return f"{prefix}…"
    return prefix + host_of(target.address) + ("/…" if parts.path.strip("/") or parts.query else "")


def _host_to_post_to(url: str) -> str | None:
    """The host of a URL that can be posted to; None if it cannot."""
    try:
        parts = urlsplit(url)
        requests.Request("POST", url).prepare()
    except (requests.RequestException, ValueError):
        return None
    return (parts.hostname or None) if parts.scheme in {"http", "https"} else None


def _check_mail(option: str, address: str) -> None:
    try:
        parsed = Address(addr_spec=address)
        fits = bool(parsed.username and parsed.domain) and address.isascii() and address.isprintable()
    except (ValueError, IndexError):
        fits = False
    if not fits:
        reason = (
            f"{address!r} is not one address of mail, such as ann@example.org; give --notify once for each"
        )
        raise InvalidParameter(name=option, reason=reason)
