"""A server that speaks S3, from the package moto, in this process; it can be full."""

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import requests
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

BUCKET = "company"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
_FULL = (
    b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>Storage is full.</Message></Error>"
)
_INITIATED = re.compile(rb"<Initiated>[^<]{24}")


class S3Server:
    """The server, with a bucket. `room` bytes fit; None: as many as come."""

    def __init__(self) -> None:
        self.room: int | None = None
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._serve, threaded=True, request_handler=MotoRequestHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def empty(self) -> None:
        """Begin anew, with an empty bucket."""
        self.room = None
        requests.post(f"{self.url}/moto-api/reset", timeout=10)
        self.client.create_bucket(Bucket=BUCKET)

    def keys(self) -> list[str]:
        """The names of all objects."""
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def uploads(self) -> list[str]:
        """The names of uploads in parts that were neither completed nor aborted."""
        return [one["Key"] for one in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self.client.close()

    def _serve(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if self.room is not None and environ["REQUEST_METHOD"] == "PUT":
            size = int(environ.get("CONTENT_LENGTH") or 0)
            if size > self.room:
                environ["wsgi.input"].read(size)
                start("507 Insufficient Storage", [("Content-Type", "application/xml")])
                return [_FULL]
            self.room -= size
        answer = b"".join(self._application(environ, start))
        # moto tells one and the same year for all uploads in parts.
        return [_INITIATED.sub(f"<Initiated>{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z".encode(), answer)]


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """The server for a block."""
    server = S3Server()
    try:
        yield server
    finally:
        server.close()
