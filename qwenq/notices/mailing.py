"""Sends notices by mail, through the SMTP server of QWENQ_SMTP_URL."""

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self
from urllib.parse import unquote, urlsplit

from qwenq.schemas.errors import InvalidSetting, reason_of
from qwenq.schemas.settings import Settings

SECONDS = 10.0
"""For each of the few steps of a delivery. The server is the operator's own."""
LONGEST_REASON = 300
_PORTS = {"smtp": 587, "smtps": 465}
_NAME = "QWENQ_SMTP_URL"


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server, and who sends. With `tls` the connection begins encrypted, else STARTTLS encrypts it."""

    host: str
    port: int
    tls: bool
    sender: str
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The server that the settings name. Raises InvalidSetting, without the URL, which has a password."""
        if settings.smtp_url is None or settings.mail_from is None:
            reason = "notices by mail need it, and QWENQ_MAIL_FROM, where `qwenq beat` runs"
            raise InvalidSetting(name=_NAME, reason=reason)
        try:
            parts = urlsplit(settings.smtp_url.get_secret_value())
            port = parts.port
        except ValueError:
            raise _not_a_server() from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _not_a_server()
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            sender=settings.mail_from,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    def send(self, mail: EmailMessage) -> str | None:
        """Hand a mail over. Returns why the server did not take it; None if it did."""
        try:
            with self._connected() as server:
                if self.user is not None:
                    server.login(self.user, self.password or "")
                server.send_message(mail)
        except (ssl.SSLError, TimeoutError) as error:
            reason = self._why_no_talk(error)
        except (OSError, UnicodeError) as error:  # SMTPException is an OSError
            reason = _reason_of(error)
        else:
            return None
        return " ".join(reason.split())[:LONGEST_REASON]

    def _connected(self) -> smtplib.SMTP:
        """Connect, encrypted where the server can. A password is never sent in the clear."""
        context = ssl.create_default_context()
        name = socket.gethostname()
        if self.tls:
            return smtplib.SMTP_SSL(
                self.host, self.port, local_hostname=name, timeout=SECONDS, context=context
            )
        server = smtplib.SMTP(self.host, self.port, local_hostname=name, timeout=SECONDS)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
            elif self.user is not None:
                _refuse_to_log_in()
        except BaseException:
            server.close()
            raise
        return server

    def _why_no_talk(self, error: ssl.SSLError | TimeoutError) -> str:
        """Say why no encryption was agreed on, or what a server that says nothing may wait for."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"the mail server's certificate is not trusted: {error.verify_message}; if its authority is your own, "
                "name the authority's certificate in SSL_CERT_FILE"
            )
        if self.tls:
            other = "if it begins without TLS, as on port 587, write smtp://"
        else:
            other = "if it begins with TLS, as on port 465, write smtps://"
        if isinstance(error, ssl.SSLError):
            return f"the mail server and beat agreed on no TLS: {error.reason}; {other}"
        return f"the mail server did not respond within {SECONDS:g} s; {other}"


def _refuse_to_log_in() -> None:
    reason = "the mail server offers no STARTTLS, and a password is sent only encrypted; try smtps://"
    raise smtplib.SMTPException(reason)


def _reason_of(error: OSError | UnicodeError) -> str:
    """Say why a mail was not taken. What a server says of a login is left out: it may repeat the user."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refused user and password ({error.smtp_code})"
        case smtplib.SMTPRecipientsRefused():
            [(code, said), *_] = error.recipients.values()
            return f"the mail server refused the receiver ({code}): {_text(said)}"
        case smtplib.SMTPResponseException():
            return f"the mail server responded {error.smtp_code}: {_text(error.smtp_error)}"
        case smtplib.SMTPException() | UnicodeError():
            return str(error) or type(error).__name__
    return f"the mail server was not reached: {reason_of(error) or type(error).__name__}"


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _not_a_server() -> InvalidSetting:
    reason = "it must read smtp://USER:PASSWORD@HOST:PORT, or smtps:// if TLS begins with the connection"
    return InvalidSetting(name=_NAME, reason=reason)
