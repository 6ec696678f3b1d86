"""Requests on their way to the device: read, rendered and tokenized in a thread of their own."""

import threading
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.requests import Completion, Request
from qwenq.worker.engines.failures import failed_completion
from qwenq.worker.engines.transformers.request_state import RequestState

MOST_WAITING = 1_024
SETTLING_SECONDS = 0.05  # how long a first few documents wait for others, to be ordered with them


@dataclass(slots=True)
class WaitingGroup:
    """The documents of one group that wait, the longest last: it goes first."""

    group: int
    states: list[RequestState] = field(default_factory=list)


class Intake:
    """What waits for the device, in the order of the groups and by length within them.

    The thread reads ahead until `enough` documents wait. It then stops at the end of a group, so that a worker claims
    no chunk before it is needed. What the requests raise is raised by `first`.
    """

    def __init__(
        self, requests: Iterable[Request], prepare: Callable[[Request], RequestState], enough: int
    ) -> None:
        self._requests = requests
        self._prepare = prepare
        self._enough = enough
        self._changed = threading.Condition()
        self._groups: deque[WaitingGroup] = deque()
        self._failed: deque[Completion] = deque()
        self._withdrawn: set[int] = set()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="intake", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many documents wait."""
        return sum(len(group.states) for group in self._groups)

    @property
    def exhausted(self) -> bool:
        """Whether nothing waits and nothing comes any more."""
        with self._changed:
            return self._ended and self._error is None and not self._groups and not self._failed

    def first(self) -> RequestState | None:
        """Give the document whose turn it is; None when none waits. Raises what the requests raised."""
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._groups[0].states[-1] if self._groups else None

    def take(self, first: RequestState) -> None:
        """Take out what `first` gave; a longer one may have come before it meanwhile."""
        with self._changed:
            self._groups[0].states.remove(first)
            if not self._groups[0].states:
                self._groups.popleft()
            self._changed.notify_all()

    def take_failed(self) -> list[Completion]:
        """Give the documents that failed before they came to the device."""
        with self._changed:
            failed, self._failed = list(self._failed), deque()
            return failed

    def prompts_beside(self, state: RequestState) -> list[list[int]]:
        """Give the prompts of its group that wait beside `state`."""
        with self._changed:
            members = (group.states for group in self._groups if group.group == state.group)
            return [one.prompt for some in members for one in some if one is not state]

    def holds(self, group: int) -> bool:
        """Whether documents of the group wait."""
        with self._changed:
            return any(one.group == group for one in self._groups)

    def withdraw(self, group: int) -> None:
        """Let the group's documents go, those still to be read as well."""
        with self._changed:
            self._withdrawn.add(group)
            self._groups = deque(one for one in self._groups if one.group != group)
            self._failed = deque(one for one in self._failed if one.group != group)
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until something is there to be taken, at most so long; for a first few, a moment longer."""
        with self._changed:
            self._changed.wait_for(self._anything, seconds)
            self._changed.wait_for(lambda: self._ended or self.waiting >= self._enough, SETTLING_SECONDS)

    def close(self) -> None:
        """Read no further. A request that is being read just now is thrown away."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _anything(self) -> bool:
        return self._ended or bool(self._groups or self._failed)

    def _read(self) -> None:
        try:
            for request in self._requests:
                self._add(request)
                if not self._wants_more(request):
                    return
        except BaseException as error:  # noqa: BLE001 - the generating thread raises it, whatever it is
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _add(self, request: Request) -> None:
        if request.group in self._withdrawn:
            return
        try:
            prepared: RequestState | Completion = self._prepare(request)
        except DocumentFailed as error:
            prepared = failed_completion(request.key, error, group=request.group)
        with self._changed:
            if request.group in self._withdrawn:
                return
            if isinstance(prepared, Completion):
                self._failed.append(prepared)
            else:
                insort(self._waiting_group(request.group).states, prepared, key=_length)
            self._changed.notify_all()

    def _waiting_group(self, group: int) -> WaitingGroup:
        if not self._groups or self._groups[-1].group != group:
            self._groups.append(WaitingGroup(group))
        return self._groups[-1]

    def _wants_more(self, last: Request) -> bool:
        """Wait until more is wanted; False when the intake was closed meanwhile."""
        most = self._enough if last.closes_group else MOST_WAITING
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.waiting < most)
            return not self._closed


def _length(state: RequestState) -> tuple[int, int]:
    return len(state.prompt), state.params.max_new_tokens
