"""Where notices may go, and what of it is shown."""

import pytest

from qwenq.notices.targets import Kind, Target, check_target, shown_url
from qwenq.schemas.errors import InvalidParameter


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("https://host/hook?secret=abc", Kind.WEBHOOK, "https://host/…"),
        ("http://user:word@host:8080", Kind.WEBHOOK, "http://host:8080"),
        ("slack:https://hooks.slack.com/services/T/B/X", Kind.SLACK, "slack:https://hooks.slack.com/…"),
        ("TEAMS:https://x.logic.azure.com/w?sig=abc", Kind.TEAMS, "teams:https://x.logic.azure.com/…"),
        ("mailto:ann%2Bnight@example.org?subject=abc", Kind.MAIL, "mailto:ann+night@example.org"),
    ],
)
def test_a_target_is_known_by_its_scheme_and_shown_without_its_secret(
    url: str, kind: Kind, shown: str
) -> None:
    check_target("--notify", url)
    assert Target.of(url).kind is kind
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("ftp://host/abc", "https://HOST/PATH"),
        ("http://host:port/", "https://HOST/PATH"),
        ("slack:hooks.slack.com/abc", "slack:https://HOST/PATH"),
        ("https://hooks.slack.com/services/abc", "slack:https://hooks.slack.com/…"),
        ("https://acme.webhook.office.com/abc", "teams:https://acme.webhook.office.com/…"),
        ("mailto:", "ann@example.org"),
        ("mailto:ann", "ann@example.org"),
        ("mailto:ann@example.org,bob@example.org", "once for each"),
        ("mailto:ann@example.org%0d%0aBcc: all@example.org", "ann@example.org"),
        ("http://[::1/abc", "https://HOST/PATH"),
    ],
)
def test_a_place_that_takes_no_notices_is_refused_with_advice(url: str, advice: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        check_target("--notify", url)
    assert advice in str(refused.value)
    assert "abc" not in str(refused.value)
