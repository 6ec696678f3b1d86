"""A completion as server-sent events: one chunk with the whole answer."""

from collections.abc import Mapping
from typing import Any

import orjson


def as_events(completion: Mapping[str, Any], *, with_usage: bool) -> bytes:
    """The events of a completion, with its usage in an event of its own on request, and the end."""
    common = {name: completion[name] for name in ("id", "created", "model")}
    common["object"] = "chat.completion.chunk"
    choices = [
        {
            "index": choice["index"],
            "delta": {name: value for name, value in choice["message"].items() if value is not None},
            "logprobs": None,
            "finish_reason": choice["finish_reason"],
        }
        for choice in completion["choices"]
    ]
    chunks: list[dict[str, Any]] = [{**common, "choices": choices}]
    if with_usage:
        chunks[0]["usage"] = None
        chunks.append({**common, "choices": [], "usage": completion["usage"]})
    events = [b"data: " + orjson.dumps(chunk) for chunk in chunks]
    return b"\n\n".join((*events, b"data: [DONE]")) + b"\n\n"
