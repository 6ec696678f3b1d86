"""How the service listens: keys before others may reach it, TLS, proxies, several processes."""

import ssl
from pathlib import Path

import httpx2
import pytest
import trustme

from qwenq.schemas.errors import InvalidParameter, UnguardedService
from qwenq.server.bounds.requests import WRONG_KEYS_PER_MINUTE
from qwenq.server.listening.serving import Serving, check_guarded
from tests.integration.server.conftest import Desk
from tests.integration.server.listening import listening


def serving(address: str = "127.0.0.1", **more: str | Path | int | None) -> Serving:
    options = {"root_path": None, "processes": 1, "proxies": None, "certificate": None, "private_key": None}
    return Serving.of(address, 0, **(options | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one",
    [
        serving("0.0.0.0"),
        serving("::"),
        serving("192.0.2.1"),
        serving(""),
        serving("host"),
        serving(proxies="10.0.0.1"),
    ],
    ids=lambda one: f"{one.address} {one.proxies}",
)
def test_without_keys_the_service_refuses_to_be_open_to_others(sqlite_desk: Desk, one: Serving) -> None:
    with pytest.raises(UnguardedService):
        check_guarded(sqlite_desk.store, one)
    sqlite_desk.key("acme")
    check_guarded(sqlite_desk.store, one)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_loopback_the_service_needs_no_key(sqlite_desk: Desk, address: str) -> None:
    check_guarded(sqlite_desk.store, serving(address))


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(tmp_path / "other.pem")
    return authority


@pytest.mark.parametrize(("certificate", "key"), [("both.pem", None), ("certificate.pem", "key.pem")])
def test_the_service_speaks_tls(
    sqlite_desk: Desk, authority: trustme.CA, tmp_path: Path, certificate: str, key: str | None
) -> None:
    one = serving(certificate=tmp_path / certificate, private_key=None if key is None else tmp_path / key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with listening(sqlite_desk, one) as served:
        found = httpx2.get(f"https://127.0.0.1:{served.port}/healthz", verify=trusting)
        assert found.json() == {"status": "ok"}
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{served.port}/healthz")


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        ("absent.pem", None, "absent.pem: no such file"),
        ("key.pem", None, "do not fit"),
        ("certificate.pem", "other.pem", "do not fit"),
        (None, "key.pem", "certificate is missing"),
    ],
)
@pytest.mark.usefixtures("authority")
def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, certificate: str | None, key: str | None, reason: str
) -> None:
    files = [None if name is None else tmp_path / name for name in (certificate, key)]
    with pytest.raises(InvalidParameter, match=reason):
        serving(certificate=files[0], private_key=files[1])


def test_a_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="neither an address nor a network"):
        serving(proxies="10.0.0.1, proxy")


@pytest.mark.parametrize(("proxies", "is_apart"), [("127.0.0.0/8", True), (None, False)])
def test_the_word_of_a_named_proxy_is_taken_on_the_address_of_a_client(
    sqlite_desk: Desk, proxies: str | None, is_apart: bool
) -> None:
    """Wrong keys of one client slow down another only if both seem to be one."""
    good = sqlite_desk.key("acme")
    with listening(sqlite_desk, serving(proxies=proxies)) as served, httpx2.Client() as client:

        def ask(key: str, address: str) -> httpx2.Response:
            headers = {"authorization": key, "x-forwarded-for": address}
            return client.get(f"http://127.0.0.1:{served.port}/v1/files", headers=headers)

        wrong = [ask(f"Bearer sk-{number}", "192.0.2.7") for number in range(WRONG_KEYS_PER_MINUTE * 2 + 1)]
        assert {one.status_code for one in wrong[:WRONG_KEYS_PER_MINUTE]} == {401}
        assert wrong[-1].status_code == 429
        assert 1 <= int(wrong[-1].headers["retry-after"]) <= 60
        assert ask("Bearer sk-x", "192.0.2.8").status_code == (401 if is_apart else 429)
        assert ask(good["authorization"], "192.0.2.7").status_code == 200, "a good key is not held up"


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via"])
def test_without_keys_a_proxy_on_this_machine_lets_nobody_in(sqlite_desk: Desk, header: str) -> None:
    assert sqlite_desk.client.get("/v1/files", headers={header: "x"}).status_code == 403


@pytest.mark.parametrize("root", ["/api/qwenq", "api/qwenq/"])
@pytest.mark.parametrize(
    "prefix", ["", "/api/qwenq"], ids=["the proxy drops the path", "the proxy keeps the path"]
)
def test_the_service_is_found_below_the_path_of_a_proxy(sqlite_desk: Desk, root: str, prefix: str) -> None:
    sqlite_desk.application.root_path = serving(root_path=root).root_path
    assert sqlite_desk.client.get(f"{prefix}/v1/files").status_code == 200
    assert "/api/qwenq/openapi.json" in sqlite_desk.client.get(f"{prefix}/docs").text
