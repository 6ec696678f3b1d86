"""Cuts names in the middle: paths and names of workers differ at their ends."""


def middle_cut(name: str, most: int) -> str:
    """The name in at most `most` characters: its beginning, an ellipsis, and its longer end."""
    if len(name) <= most:
        return name
    end = most * 2 // 3
    return f"{name[: most - end - 1]}…{name[len(name) - end :]}"
