"""Notices by mail, with a small SMTP server on a real socket."""

import socketserver
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from qwenq.notices.bodies import mail_of
from qwenq.notices.mailing import MailServer
from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings

EVENT = '{"type":"job.completed","data":{"job":7,"name":"reviews"}}'
MAIL = mail_of(EVENT, "job_7_x", "qwenq@example.org", "ann@example.org")


class _Server(socketserver.ThreadingTCPServer):
    """Takes mails for ann, refuses other receivers. It offers no STARTTLS."""

    allow_reuse_address = True
    daemon_threads = True
    mails: list[str]


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            match line.split(":")[0].upper().split():
                case ["EHLO", *_]:
                    self._say("250-here\r\n250 AUTH PLAIN")
                case ["RCPT", *_] if "ann@" not in line:
                    self._say("550 no such box")
                case ["DATA"]:
                    self._say("354 go on")
                    lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                    self.server.mails.append("\n".join(lines))  # type: ignore[attr-defined]
                    self._say("250 taken")
                case ["QUIT"]:
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Talk) as serving:
        serving.mails = []
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def _mail_server(server: _Server, user: str = "", scheme: str = "smtp") -> MailServer:
    url = SecretStr(f"{scheme}://{user}127.0.0.1:{server.server_address[1]}")
    return MailServer.of(Settings(smtp_url=url, mail_from="qwenq@example.org"))


def test_a_mail_reaches_its_receiver(server: _Server) -> None:
    assert _mail_server(server).send(MAIL) is None
    [taken] = server.mails
    assert "Subject: qwenq: job 7 (reviews) completed" in taken
    assert "To: ann@example.org" in taken


def test_a_refused_receiver_is_told_with_the_servers_words(server: _Server) -> None:
    other = mail_of(EVENT, "job_7_x", "qwenq@example.org", "bob@example.org")
    assert _mail_server(server).send(other) == "the mail server refused the receiver (550): no such box"


def test_a_password_is_not_sent_in_the_clear(server: _Server) -> None:
    reason = _mail_server(server, "me:hunter2@").send(MAIL)
    assert "no STARTTLS" in (reason or "")
    assert server.mails == []


def test_a_server_that_is_not_there_is_told(server: _Server) -> None:
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
