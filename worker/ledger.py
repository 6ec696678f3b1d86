"""Which requests an engine has read and not answered: none may be left when it ends by itself."""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from schemas.errors import RequestsForgotten
from schemas.requests import Completion, Request


class Ledger:
    """One thread reads through `noting`; another, which generates, does the rest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unanswered: defaultdict[int, set[int]] = defaultdict(set)
        self._withdrawn: set[int] = set()

    def noting(self, requests: Iterable[Request]) -> Iterator[Request]:
        """The same requests; each is noted before it is handed out."""
        for request in requests:
            with self._lock:
                if request.group not in self._withdrawn:
                    self._unanswered[request.group].add(request.key)
            yield request

    def strike(self, completion: Completion) -> None:
        """Note that a request is answered."""
        with self._lock:
            self._unanswered[completion.group].discard(completion.key)

    def keep_only(self, group: int, keys: Collection[int]) -> None:
        """Expect no answer any more to the group's requests but these, nor to those still to be read."""
        with self._lock:
            self._withdrawn.add(group)
            self._unanswered[group].intersection_update(keys)

    def check(self) -> None:
        """Raise RequestsForgotten if an answer is missing."""
        with self._lock:
            groups = {group: len(keys) for group, keys in self._unanswered.items() if keys}
        if groups:
            raise RequestsForgotten(count=sum(groups.values()), groups=", ".join(map(str, sorted(groups))))
