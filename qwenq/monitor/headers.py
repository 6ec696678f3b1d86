"""Headers of every response, including Flower's own pages and files."""

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

POLICY = "Content-Security-Policy"
_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    # Bootstrap's icons are data in its style sheet.
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy_with(name: str, sources: str) -> str:
    """The policy of all pages, with other sources for one kind of content."""
    return "; ".join(f"{kind} {value}" for kind, value in (_SOURCES | {name: sources}).items())


PROTECTIVE_HEADERS = {
    POLICY: policy_with("default-src", "'none'"),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Internet Explorer would open a download in the site's name.
    "X-Download-Options": "noopen",
    # With `no-referrer` a browser would hide the origin of our own forms from us.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class ProtectiveHeaders(OutputTransform):
    """Adds the protective headers."""

    def __init__(self, request: HTTPServerRequest) -> None:
        del request

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001 - the signature is Tornado's
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers to a response, and remove the server's name and version. A page may have its own policy."""
        del finishing
        for name, value in PROTECTIVE_HEADERS.items():
            if name != POLICY or POLICY not in headers:
                headers[name] = value
        if "Server" in headers:
            del headers["Server"]
        return status_code, headers, chunk
