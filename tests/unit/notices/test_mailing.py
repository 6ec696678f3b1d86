"""Notices by mail, with a real SMTP server."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from qwenq.notices.bodies import mail_of
from qwenq.notices.mailing import MailServer
from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings

EVENT = '{"type":"job.completed","data":{"job":7,"name":"reviews"}}'
MAIL = mail_of(EVENT, "job_7_x", "qwenq@example.org", "ann@example.org")


@dataclass
class _Server:
    """A mail server. It takes mails for ann, refuses other receivers, and knows the user `me` with `pass:word`."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    stop: Callable[[], object] = print

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not address.startswith("ann@"):
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content.decode())
        return "250 taken"

    def knows(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, given: Any
    ) -> AuthResult:
        """Check a login."""
        assert isinstance(given, LoginPassword)
        self.users.append(given.login)
        return AuthResult(success=given == LoginPassword(b"me", b"pass:word"), handled=False)


@contextmanager
def _serving(starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None) -> Iterator[_Server]:
    """Run a mail server in a thread: with STARTTLS, which it then requires, with TLS from the beginning, or without."""
    server, ready, over = _Server(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server.stop = partial(loop.call_soon_threadsafe, over.set)
        listening = await loop.create_server(talk, "127.0.0.1", 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        listening.close()
        # Connections that were cut end by themselves.
        await asyncio.wait(
            [*asyncio.all_tasks() - {asyncio.current_task()}, asyncio.ensure_future(over.wait())]
        )

    def talk() -> SMTP:
        return SMTP(
            server,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=server.knows,
            auth_require_tls=tls is None,  # it means STARTTLS alone
        )

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield server
    server.stop()
    thread.join()


def _mail_server(server: _Server, user: str = "", scheme: str = "smtp") -> MailServer:
    url = SecretStr(f"{scheme}://{user}127.0.0.1:{server.port}")
    return MailServer.of(Settings(smtp_url=url, mail_from="qwenq@example.org"))


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """A certificate authority that this process trusts, as by beat's environment."""
    made = trustme.CA()
    with made.cert_pem.tempfile() as file:
        monkeypatch.setenv("SSL_CERT_FILE", file)
        yield made


def _certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_mail_reaches_its_receiver() -> None:
    with _serving() as server:
        assert _mail_server(server).send(MAIL) is None
    [taken] = server.mails
    assert "Subject: qwenq: job 7 (reviews) completed" in taken
    assert "To: ann@example.org" in taken


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_login_is_encrypted_by_starttls_or_from_the_beginning(scheme: str, authority: trustme.CA) -> None:
    context = _certified(authority)
    with _serving(starttls=context) if scheme == "smtp" else _serving(tls=context) as server:
        assert _mail_server(server, "me:pass%3Aword@", scheme).send(MAIL) is None
        reason = _mail_server(server, "me:hunter2@", scheme).send(MAIL)
    assert reason == "the mail server refused user and password (535)"
    assert (len(server.mails), set(server.users)) == (1, {b"me"})


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_with_a_certificate_of_nobody_known_gets_nothing(scheme: str) -> None:
    context = _certified(trustme.CA())
    with _serving(starttls=context) if scheme == "smtp" else _serving(tls=context) as server:
        reason = _mail_server(server, "me:pass%3Aword@", scheme).send(MAIL)
    assert "certificate is not trusted: unable to get local issuer certificate" in (reason or "")
    assert "SSL_CERT_FILE" in (reason or "")
    assert (server.mails, server.users) == ([], [])


def test_a_refused_receiver_is_told_with_the_servers_words() -> None:
    other = mail_of(EVENT, "job_7_x", "qwenq@example.org", "bob@example.org")
    with _serving() as server:
        assert _mail_server(server).send(other) == "the mail server refused the receiver (550): no such box"


def test_a_password_is_not_sent_in_the_clear() -> None:
    with _serving() as server:
        reason = _mail_server(server, "me:hunter2@").send(MAIL)
    assert "no STARTTLS" in (reason or "")
    assert (server.mails, server.users) == ([], [])


def test_a_server_without_the_encryption_that_smtps_expects_is_told() -> None:
    with _serving() as server:
        reason = _mail_server(server, scheme="smtps").send(MAIL)
    assert "write smtp://" in (reason or "")


def test_a_server_that_is_not_there_is_told() -> None:
    away = MailServer("127.0.0.1", 9, tls=False, sender="a@b.c", user=None, password=None)
    assert away.send(MAIL) == "the mail server was not reached: connection refused"


@pytest.mark.parametrize(
    "url", [None, "smtp:hunter2", "http://me:hunter2@host", "smtp://me:hunter2@host:port"]
)
def test_a_setting_that_names_no_mail_server_is_refused_without_its_password(url: str | None) -> None:
    settings = Settings(smtp_url=url and SecretStr(url), mail_from="a@b.c")
    with pytest.raises(InvalidSetting) as refused:
        MailServer.of(settings)
    assert "QWENQ_SMTP_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_password_is_in_no_representation_of_the_server() -> None:
    settings = Settings(smtp_url=SecretStr("smtps://me%40x:p%3Aw@mail.example"), mail_from="a@b.c")
    server = MailServer.of(settings)
    assert (server.user, server.password, server.port, server.tls) == ("me@x", "p:w", 465, True)
    assert "p:w" not in repr(server)
