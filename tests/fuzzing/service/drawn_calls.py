"""Calls of the service's routes, drawn at random: bodies, queries, paths, headers, broken off or not."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI

from tests.builders import MODEL
from tests.fuzzing.service import hostile_values
from tests.fuzzing.service.hostile_forms import drawn_form

_METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW", "get")
_ODD_PATHS = (
    "/",
    "//",
    "/v1",
    "/v1/",
    "/v1/files/",
    "/v1//files",
    "/v1/files/../batches",
    "/v1/files/a/b/c",
    "/%",
)
_GOOD_BATCH: dict[str, Any] = {
    "input_file_id": "file-x",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "metadata": {"a": "b"},
    "output_expires_after": {"anchor": "created_at", "seconds": 3_600},
    "idempotency_key": "k",
}
_QUESTION: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hello"}],
    "temperature": 0.5,
    "stop": ["."],
    "response_format": {"type": "json_object"},
    "stream": True,
    "stream_options": {"include_usage": True},
}
_UPLOAD: dict[str, Any] = {
    "bytes": 2,
    "filename": "a.jsonl",
    "mime_type": "application/jsonl",
    "purpose": "batch",
    "expires_after": {"anchor": "created_at", "seconds": 3_600},
}
_PART = b"{}"
_ESTIMATE: dict[str, Any] = {"input_file_id": "file-x", "endpoint": "/v1/chat/completions"}
_OTHERS = (
    "max_tokens",
    "n",
    "tools",
    "seed",
    "logit_bias",
    "user",
    "metadata",
    "prompt",
    "template",
    "logprobs",
)
_QUERY = ("limit", "after", "order", "purpose", "offset", "limit", "x")
_SANE = ("1", "20", "100", "desc", "asc", "batch", "file-x", "batch_x")


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `content` is what an accepted upload must have stored; None: it cannot be known."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[bytes, ...]
    is_broken_off: bool
    content: bytes | None


class Drawer:
    """Draws calls. `known` are ids that the service gave; further ones are added as they come."""

    def __init__(self, application: FastAPI, seed: int) -> None:
        self._drawn = random.Random(seed)
        self.known: list[str] = ["file-x", "batch_x"]
        self._routes = [
            (method.upper(), path)
            for path, operations in application.openapi()["paths"].items()
            for method in operations
        ]

    def call(self) -> Call:
        """The next call."""
        kinds: Sequence[Callable[[], Call]] = (
            self._upload,
            self._create,
            self._ask,
            self._come_in_parts,
            self._read,
            self._anything,
        )
        [kind] = self._drawn.choices(kinds, (30, 20, 10, 10, 15, 15))
        return kind()

    def _upload(self) -> Call:
        form = drawn_form(self._drawn)
        return self._called("POST", "/v1/files", form.body, form.kind, form.content)

    def _create(self) -> Call:
        file_id = self._drawn.choice(self.known)
        if self._drawn.random() < 0.1:
            return self._sent(
                "/v1/batches/estimate", dict(_ESTIMATE, input_file_id=file_id), tuple(_GOOD_BATCH)
            )
        return self._sent("/v1/batches", dict(_GOOD_BATCH, input_file_id=file_id))

    def _come_in_parts(self) -> Call:
        """A step of an upload in parts."""
        drawn, known = self._drawn, [name for name in self.known if name.startswith("upload_")]
        if not known or drawn.random() < 0.3:
            return self._sent("/v1/uploads", dict(_UPLOAD))
        path = f"/v1/uploads/{drawn.choice(known[-5:])}"
        if drawn.random() < 0.5:
            form = drawn_form(drawn, "data", _PART)
            return self._called("POST", f"{path}/parts", form.body, form.kind)
        parts = [name for name in self.known if name.startswith("part_")][-5:]
        body = {"part_ids": drawn.sample(parts, min(len(parts), drawn.choice((1, 1, 1, 2)))), "md5": None}
        return self._sent(f"{path}/complete", body)

    def _ask(self) -> Call:
        body = dict(_QUESTION)
        if self._drawn.random() < 0.3:
            body["messages"] = [dict(_QUESTION["messages"][0], content=hostile_values.text(self._drawn))]
        return self._sent("/v1/chat/completions", body, _OTHERS)

    def _sent(self, path: str, body: Any, others: Sequence[str] = ()) -> Call:
        """A call with a body in JSON, some fields of which are missing, or are something else."""
        drawn, names = self._drawn, (*body, *others)
        for name in drawn.sample(list(body), drawn.randrange(3)):
            del body[name]
        for _ in range(drawn.choice((0, 1, 1, 2))):
            name = drawn.choice((*names, hostile_values.text(drawn)))
            body[name] = hostile_values.value(drawn)
        if drawn.random() < 0.05:
            body = hostile_values.value(drawn)
        data = hostile_values.as_json(drawn, body)
        if drawn.random() < 0.2:
            data = hostile_values.damaged(drawn, data)
        kind = drawn.choice((b"application/json", b"application/json", b"text/plain", b"\xff", b""))
        return self._called("POST", path, data, kind)

    def _read(self) -> Call:
        drawn = self._drawn
        method, path = drawn.choice(self._routes)
        return self._called(method, self._filled(path))

    def _anything(self) -> Call:
        drawn = self._drawn
        path = (
            drawn.choice(_ODD_PATHS) if drawn.random() < 0.2 else self._filled(drawn.choice(self._routes)[1])
        )
        body = drawn.choice(
            (b"", b"{}", drawn.randbytes(40), hostile_values.as_json(drawn, hostile_values.value(drawn)))
        )
        kind = drawn.choice((b"application/json", b"multipart/form-data; boundary=b", b"text/html"))
        return self._called(drawn.choice(_METHODS), path, body, kind)

    def _filled(self, path: str) -> str:
        """The path with something for each of its parameters."""
        drawn = self._drawn
        while "{" in path:
            start, _, rest = path.partition("{")
            _, _, rest = rest.partition("}")
            given = drawn.choice(self.known) if drawn.random() < 0.6 else hostile_values.text(drawn)[:3_000]
            path = start + (quote(given, safe="/") if drawn.random() < 0.9 else given.replace("{", "")) + rest
        return path

    def _called(
        self, method: str, path: str, body: bytes = b"", kind: bytes = b"", content: bytes | None = None
    ) -> Call:
        drawn = self._drawn
        is_broken_off = drawn.random() < 0.03
        return Call(
            method,
            path.encode("utf-8", "replace"),
            self._query() if drawn.random() < 0.3 else b"",
            self._headers(kind),
            tuple(hostile_values.in_pieces(drawn, body)),
            is_broken_off,
            content,
        )

    def _query(self) -> bytes:
        drawn = self._drawn
        pairs = []
        for _ in range(drawn.choice((1, 1, 2, 50))):
            value = drawn.choice(_SANE) if drawn.random() < 0.5 else hostile_values.text(drawn)[:2_000]
            pairs.append(f"{drawn.choice(_QUERY)}={quote(value) if drawn.random() < 0.9 else value}")
        return "&".join(pairs).encode("utf-8", "replace")

    def _headers(self, kind: bytes) -> tuple[tuple[bytes, bytes], ...]:
        drawn = self._drawn
        headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", kind)]
        for _ in range(drawn.choice((0, 0, 0, 1, 3))):
            name = drawn.choice(
                (b"x-request-id", b"x-stainless-retry-count", b"content-type", b"accept", b"x-a")
            )
            headers.append((name, hostile_values.text(drawn)[:500].encode("utf-8", "replace")))
        if drawn.random() < 0.02:
            headers.append((b"authorization", b"Bearer " + drawn.randbytes(8).hex().encode()))
        return tuple(headers)
