"""Validate drawn files as the lines of a batch: none may break it; a file without faults becomes all its rows."""

import random
from typing import Any

from qwenq.producer.batch_lines import batch_rows, check_lines
from qwenq.schemas.documents import Document
from qwenq.schemas.service.endpoints import Endpoint
from tests.fuzzing.service import hostile_values

_URL = Endpoint.CHAT


def check_drawn_file(seed: int) -> bool:
    """Check a file that this seed draws. Returns whether it had no fault. Raises AssertionError."""
    drawn = random.Random(seed)
    blocks = hostile_values.in_pieces(drawn, _file(drawn))
    checked = check_lines(blocks, _URL, 1_000)
    if checked.faults:
        assert all(fault.code and len(fault.message) < 2_000 for fault in checked.faults)
        return False
    rows = list(batch_rows(blocks))
    assert len(rows) == checked.total > 0
    ids = [row.custom_id for row in rows]
    assert len(set(ids)) == len(ids), "ids are unique"
    assert None not in ids
    assert all(row.content for row in rows if isinstance(row, Document))
    return True


def _file(drawn: random.Random) -> bytes:
    # Most files have no damage, so that rows are drawn beyond the check, too.
    damage = drawn.random() < 0.4
    lines = [_line(drawn, place, damage=damage) for place in range(drawn.randrange(1, 6))]
    data = drawn.choice((b"\n", b"\n", b"\r\n", b"\n \n")).join(lines)
    data = drawn.choice((b"", b"", b"\xef\xbb\xbf")) + data + drawn.choice((b"", b"\n", b"\n\n\t\n"))
    return hostile_values.damaged(drawn, data) if damage else data


def _line(drawn: random.Random, place: int, *, damage: bool) -> bytes:
    message: dict[str, Any] = {"role": "user", "content": hostile_values.text(drawn)[:500]}
    body: dict[str, Any] = {"model": "m", "messages": [message]}
    for name in drawn.sample(
        ("temperature", "max_tokens", "stop", "n", "seed", "tools", "response_format", "x"), 2
    ):
        if drawn.random() < 0.5:
            body[name] = hostile_values.value(drawn)
    if drawn.random() < 0.2:
        message[drawn.choice(("role", "content", "name"))] = hostile_values.value(drawn)
    row: dict[str, Any] = {"custom_id": f"r{place}", "method": "POST", "url": _URL, "body": body}
    if damage:
        row[drawn.choice((*row, hostile_values.text(drawn)))] = hostile_values.value(drawn)
        return hostile_values.as_json(drawn, row)
    return hostile_values.as_json(random.Random(1), row)
