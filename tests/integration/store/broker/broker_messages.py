"""Messages as they lie in Redis: one of ours, and the same with one thing that is wrong."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

BODY: list[Any] = [[1], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


def encoded(body: object) -> str:
    """A body as kombu encodes it."""
    return base64.b64encode(json.dumps(body).encode()).decode()


def message(headers: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """A message that a producer sends, with further headers and changed parts."""
    task_id = str(uuid4())
    sound = {
        "body": encoded(BODY),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py", "task": "qwenq.answer_chunk", "id": task_id, "shadow": None, "eta": None,
            "expires": None, "group": None, "group_index": None, "retries": 0, "timelimit": [None, None],
            "root_id": task_id, "parent_id": None, "argsrepr": "(chunk 1)", "kwargsrepr": "{}",
            "origin": "gen1@host", "ignore_result": False, "replaced_task_nesting": 0,
            "stamped_headers": None, "stamps": {}, **(headers or {}),
        },
        "properties": {
            "correlation_id": task_id, "reply_to": "", "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "qwenq.echo"}, "priority": 3,
            "body_encoding": "base64", "delivery_tag": str(uuid4()),
        },
    }  # fmt: skip
    return {**sound, **changed}


def without(part: str) -> dict[str, Any]:
    """A message that lacks a part."""
    return {name: value for name, value in message().items() if name != part}


REFUSED: dict[str, bytes] = {
    "no json": b"not json",
    "empty": b"",
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "no utf-8": b"\xff\xfe\x00{",
    "utf-16": json.dumps(message()).encode("utf-16"),
    "deep": b"[" * 100_000,
    "deep but short": b"[" * 10_000,
    "many digits": b"9" * 10_000,
    "nothing inside": b"{}",
    **{
        name: json.dumps(value).encode()
        for name, value in {
            "headers of text": message(headers=None) | {"headers": "text"},
            "headers of a list": message() | {"headers": []},
            "no headers": without("headers"),
            "no properties": without("properties"),
            "properties of text": message(properties="text"),
            "no body": without("body"),
            "body a number": message(body=5),
            "body that decodes to a number": message(body=encoded(5)),
            "body that decodes to text": message(body=encoded("text")),
            "body not base64": message(body="%%%"),
            "body not json": message(body=base64.b64encode(b"\x80\x04K").decode()),
            "body of protocol 1": message(body=encoded({"args": [1], "kwargs": {}})),
            "body deep": message(body=base64.b64encode(b"[" * 9_000).decode()),
            "plain body": message(body=json.dumps(BODY), properties={"delivery_tag": "1"}),
            "pickle": message() | {"content-type": "application/x-python-serialize"},
            "no content type": without("content-type"),
            "unknown task": message({"task": "celery.backend_cleanup"}),
            "task of another queue": message({"task": "qwenq.reconcile"}),
            "task of a list": message({"task": ["qwenq.answer_chunk"]}),
            "no id": message({"id": None}),
            "id of half a megabyte": message({"id": "x" * 2**19}),
            "id not a uuid": message({"id": "../../etc"}),
            "no arguments": message(body=encoded([[], {}, {}])),
            "two arguments": message(body=encoded([[1, 2], {}, {}])),
            "keywords": message(body=encoded([[1], {"self": 1}, {}])),
            "negative id": message(body=encoded([[-1], {}, {}])),
            "id beyond 64 bits": message(body=encoded([[2**63], {}, {}])),
            "huge id": message(body=encoded([[10**30], {}, {}])),
            "boolean id": message(body=encoded([[True], {}, {}])),
            "float id": message(body=encoded([[1.0], {}, {}])),
            "text id": message(body=encoded([["1"], {}, {}])),
            "list id": message(body=encoded([[[1]], {}, {}])),
            "argument of half a megabyte": message(body=encoded([["x" * 2**19], {}, {}])),
        }.items()
    },
}
"""What a worker must drop."""

CLEANED: dict[str, dict[str, Any]] = {
    "time limit a number": message({"timelimit": 5}),
    "time limit of text": message({"timelimit": ["a", "b"]}),
    "time limit short": message({"timelimit": [0.05, 0.01]}),
    "eta tomorrow": message({"eta": "2999-01-01T00:00:00+00:00"}),
    "eta not a time": message({"eta": "soon"}),
    "expired": message({"expires": "2000-01-01T00:00:00+00:00"}),
    "expires not a time": message({"expires": {"a": 1}}),
    "compression": message({"compression": "application/x-gzip"}),
    "retries of text": message({"retries": "many"}),
    "stamps": message({"stamped_headers": ["a"], "stamps": 5}),
    "group": message({"group": 5, "group_index": "x", "root_id": 5, "parent_id": []}),
    "argsrepr of a megabyte": message({"argsrepr": "x" * 10_000, "origin": 5, "shadow": {}}),
    "callbacks": message(body=encoded([[1], {}, {"callbacks": [{"task": "x"}], "chain": 1, "chord": 2}])),
    "no delivery tag": message(properties={"body_encoding": "base64"}),
    "priority of text": message(properties={"body_encoding": "base64", "priority": "x", "delivery_info": 5}),
    "reply elsewhere": message(properties={"body_encoding": "base64", "reply_to": "qwenq.ops"}),
}
"""What a worker may take as a hint, without what is wrong with it."""


def garbage(seed: int, count: int) -> Iterator[bytes]:
    """Random messages: bytes, JSON, and messages of ours with some bytes or parts replaced."""
    draw = random.Random(seed)
    known = list(REFUSED.values())
    for _ in range(count):
        kind = draw.randrange(4)
        if kind == 0:
            yield draw.randbytes(draw.randrange(400))
        elif kind == 1:
            yield json.dumps(_value(draw, 4)).encode()
        elif kind == 2:
            # Not the longest, which would fill Redis.
            yield draw.choice([one for one in known if len(one) < 20_000])
        else:
            yield _damaged(draw)


def _damaged(draw: random.Random) -> bytes:
    sound = message(body=encoded([["wrong"], {}, {}]))
    part = draw.choice(list(sound))
    if draw.random() < 0.5:
        sound[part] = _value(draw, 3)
    elif isinstance(sound[part], dict):
        sound[part][draw.choice(list(sound[part]))] = _value(draw, 3)
    text = bytearray(json.dumps(sound).encode())
    for _ in range(draw.randrange(3)):
        text[draw.randrange(len(text))] = draw.randrange(256)
    return bytes(text)


def _value(draw: random.Random, depth: int) -> Any:
    kind = draw.randrange(8 if depth else 6)
    if kind == 6:
        return [_value(draw, depth - 1) for _ in range(draw.randrange(4))]
    if kind == 7:
        return {draw.choice("abcdef"): _value(draw, depth - 1) for _ in range(draw.randrange(4))}
    return (None, True, draw.randrange(-(2**70), 2**70), draw.random(), "text", "\ud800")[kind]
