"""Requests on their way to the device. A thread reads, renders and tokenizes them."""

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
SETTLING_SECONDS = 0.05  # the first documents wait so long for others, to be ordered with them


@dataclass(slots=True)
class WaitingGroup:
    """The waiting documents of one group, the longest last: it is admitted first."""

    group: int
    states: list[RequestState] = field(default_factory=list)


class Intake:
    """Documents that wait for the device: urgent ones first, then in the order of their groups, there by length.

    The thread reads ahead until `enough` documents wait. It then stops at the end of a group, so that a worker claims
    no chunk before it is needed; `hurry` has it read on. `first` raises the exceptions of the requests.
    """

    def __init__(
        self, requests: Iterable[Request], prepare: Callable[[Request], RequestState], enough: int
    ) -> None:
        self._requests = requests
        self._prepare = prepare
        self._enough = enough
        self._changed = threading.Condition()
        self._groups: deque[WaitingGroup] = deque()
        self._urgent: deque[RequestState] = deque()
        self._hurried = False
        self._failed: deque[Completion] = deque()
        self._withdrawn: dict[int, int] = {}
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="intake", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many documents wait."""
        with self._changed:
            return len(self._urgent) + sum(len(group.states) for group in self._groups)

    @property
    def exhausted(self) -> bool:
        """Whether nothing waits and all requests were read."""
        with self._changed:
            return self._ended and self._error is None and not self._anything_here()

    def first(self) -> RequestState | None:
        """Return the next document; None if nothing waits. Raises what the requests raised."""
        with self._changed:
            if self._error is not None:
                raise self._error
            if self._urgent:
                return self._urgent[0]
            return self._groups[0].states[-1] if self._groups else None

    def pop(self, first: RequestState) -> None:
        """Remove the document that `first` returned. Another may have been placed before it since."""
        with self._changed:
            if first in self._urgent:
                self._urgent.remove(first)
            else:
                self._groups[0].states.remove(first)
                if not self._groups[0].states:
                    self._groups.popleft()
            self._changed.notify_all()

    def hurry(self) -> None:
        """Read on now, however much waits: an urgent request comes next."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def pop_failed(self) -> list[Completion]:
        """Remove and return the completions of documents that failed before they reached the device."""
        with self._changed:
            failed, self._failed = list(self._failed), deque()
            return failed

    def prompts_beside(self, state: RequestState) -> list[list[int]]:
        """Return the other waiting prompts of its group."""
        with self._changed:
            members = (group.states for group in self._groups if group.group == state.group)
            return [one.prompt for some in members for one in some if one is not state]

    def holds(self, group: int) -> bool:
        """Whether documents of the group are waiting."""
        with self._changed:
            waiting = (one.group for some in (self._groups, self._urgent) for one in some)
            return group in waiting

    def withdraw(self, group: int, first: int = 0) -> None:
        """Drop the group's documents with keys from `first` on, also those still to be read."""
        with self._changed:
            self._withdrawn[group] = min(first, self._withdrawn.get(group, first))
            for one in self._groups:
                one.states = [state for state in one.states if not self._is_withdrawn(one.group, state.key)]
            self._groups = deque(one for one in self._groups if one.states)
            self._urgent = deque(one for one in self._urgent if not self._is_withdrawn(one.group, one.key))
            self._failed = deque(one for one in self._failed if not self._is_withdrawn(one.group, one.key))
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait at most this long for the first documents, then a moment for others to be ordered with them.

        An urgent one waits for no others.
        """
        with self._changed:
            self._changed.wait_for(self._anything, seconds)
            self._changed.wait_for(
                lambda: self._ended or bool(self._urgent) or self.waiting >= self._enough, SETTLING_SECONDS
            )

    def close(self) -> None:
        """Stop reading. A request that is being read is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _anything(self) -> bool:
        return self._ended or self._anything_here()

    def _anything_here(self) -> bool:
        return bool(self._groups or self._urgent or self._failed)

    def _read(self) -> None:
        try:
            for request in self._requests:
                self._add(request)
                if not self._wants_more(request):
                    return
        except BaseException as error:  # noqa: BLE001 - the generating thread raises it
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _add(self, request: Request) -> None:
        if self._is_withdrawn(request.group, request.key):
            return
        try:
            prepared: RequestState | Completion = self._prepare(request)
        except DocumentFailed as error:
            prepared = failed_completion(request.key, error, group=request.group)
        with self._changed:
            if self._is_withdrawn(request.group, request.key):
                return
            if isinstance(prepared, Completion):
                self._failed.append(prepared)
            elif request.urgent:
                self._urgent.append(prepared)
            else:
                insort(self._waiting_group(request.group).states, prepared, key=_length)
            self._changed.notify_all()

    def _is_withdrawn(self, group: int, key: int) -> bool:
        first = self._withdrawn.get(group)
        return first is not None and key >= first

    def _waiting_group(self, group: int) -> WaitingGroup:
        if not self._groups or self._groups[-1].group != group:
            self._groups.append(WaitingGroup(group))
        return self._groups[-1]

    def _wants_more(self, last: Request) -> bool:
        """Wait until more documents are wanted. Returns False if the intake was closed.

        After an urgent one, others may be next.
        """
        most = self._enough if last.closes_group else MOST_WAITING
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._hurried or last.urgent or self.waiting < most
            )
            self._hurried = False
            return not self._closed


def _length(state: RequestState) -> tuple[int, int]:
    return len(state.prompt), state.params.max_new_tokens
