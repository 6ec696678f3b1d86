"""The confined process that asks the grammar library about schemas which are not plain."""

from collections.abc import Iterable

import orjson

from qwenq.schemas.confined.small_stack import on_small_stack
from qwenq.schemas.json_schema.faults import fault_of, place_of_fault

REASON, PLACE = b"r", b"p"


def serve(request: bytes) -> Iterable[bytes]:
    """Give the fault of a schema, nothing for a schema that can be used; or give the place of its fault."""
    kind, schema = request[:1], orjson.loads(request[1:])
    if kind == PLACE:
        yield on_small_stack(lambda: place_of_fault(schema)).encode("utf-8", "backslashreplace")
        return
    reason = on_small_stack(lambda: fault_of(schema))
    if reason is not None:
        yield reason.encode()
