"""Stop strings: they end an answer, also where they lie across the borders of tokens."""

from collections.abc import Sequence

SPARE_TOKENS = 4  # for tokens without text of their own


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Give where the earliest of the stop strings begins in `text`; None if there is none."""
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return min(found, default=None)


def stop_window(stops: Sequence[str]) -> int:
    """Give how many of the last tokens can hold a stop string that the newest token completes.

    A token stands for at least one byte, so a string lies in at most as many tokens as it has bytes.
    """
    return max((len(stop.encode()) for stop in stops), default=0) + SPARE_TOKENS
