"""Remembers where each id of a job was used first, in about 30 bytes an id."""

from collections import defaultdict

_BUCKETS = 1 << 15
_LINE_BITS = 44


class FirstUses:
    """The places of ids, found by their hashes of 64 bits: of ten million ids, two share one once in 300,000 jobs.

    Buckets of bytes, since a dict takes ten times the memory. Each entry is a hash and a place, of 8 bytes each.
    """

    def __init__(self) -> None:
        self._buckets: defaultdict[int, bytearray] = defaultdict(bytearray)

    def of(self, custom_id: str, source: int, line: int) -> tuple[int, int] | None:
        """Where the id was used before, as source and line; None if this is its first use, which is noted."""
        hashed = hash(custom_id)
        key = hashed.to_bytes(8, "little", signed=True)
        bucket = self._buckets[hashed % _BUCKETS]
        at = bucket.find(key)
        while at > 0 and at % 16:  # across two entries
            at = bucket.find(key, at + 1)
        if at < 0:
            bucket += key + (source << _LINE_BITS | line).to_bytes(8, "little")
            return None
        place = int.from_bytes(bucket[at + 8 : at + 16], "little")
        return place >> _LINE_BITS, place & ((1 << _LINE_BITS) - 1)
