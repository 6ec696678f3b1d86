"""Stands for a rendering child that calls what its budget does not know: a document with `hangs` never ends."""

import time
from collections.abc import Iterator

import orjson

from qwenq.schemas.prompts import rendering_child


def serve(request: bytes) -> Iterator[bytes]:
    """Render the documents one by one until one hangs."""
    asked = orjson.loads(request[1:])
    for values in asked["documents"]:
        while values.get("hangs"):
            time.sleep(60)
        yield from rendering_child.serve(request[:1] + orjson.dumps({**asked, "documents": [values]}))
