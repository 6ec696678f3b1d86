"""Which answers are merged together: all if they fit into one prompt, else some at a time."""

from collections.abc import Callable, Sequence


def groups_of(
    answers: Sequence[str], fits: Callable[[Sequence[str]], bool]
) -> Sequence[Sequence[int]] | None:
    """Group neighbours into the fewest, about even groups that each fit into a merge prompt; gives places in `answers`.

    With an odd number of answers, one group may hold a single answer. None: not even two answers fit.
    """
    for count in range(1, (len(answers) + 1) // 2 + 1):
        groups = _even(len(answers), count)
        if all(len(group) == 1 or fits([answers[place] for place in group]) for group in groups):
            return groups
    return None


def _even(size: int, count: int) -> list[range]:
    return [range(size * part // count, size * (part + 1) // count) for part in range(count)]
