"""Retried documents: in how many rounds each had an outcome, and whether earlier failures were kept."""

from collections import Counter
from collections.abc import Iterator

from qwenq.schemas.states import DocumentState
from tests.audit import UNFINISHED
from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.history import DocumentChange
from tests.chaos.plan import Trouble


class Retries:
    """A document has one outcome a round. A retry, of failed documents only, begins the next round."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.of: Counter[tuple[int, int]] = Counter(
            (change.job, change.seq) for change in evidence.document_changes if is_retry(change)
        )

    def doubled(self) -> Iterator[str]:
        """Documents with more outcomes than rounds, or with a lost answer."""
        outcomes: Counter[tuple[int, int]] = Counter()
        for change in self._evidence.document_changes:
            if change.was not in UNFINISHED and not is_retry(change):
                yield f"job {change.job} document {change.seq}: {change.was} became {change.became}"
            if change.became not in UNFINISHED:
                outcomes[change.job, change.seq] += 1
        for (job, seq), times in outcomes.items():
            if times > 1 + self.of[job, seq]:
                yield f"job {job} document {seq}: {times} outcomes in {1 + self.of[job, seq]} rounds"

    def forgotten(self) -> Iterator[str]:
        """Documents with a lost earlier failure, or run again without a retry."""
        asked = sum(met.fault.trouble == Trouble.RETRY for met in self._evidence.met)
        for one in self._evidence.documents:
            times, kept = self.of[one.job, one.seq], len(one.past)
            if times != kept:
                yield f"job {one.job} document {one.seq}: retried {times} times, {kept} failures are kept"
            if times > asked:
                yield f"job {one.job} document {one.seq}: retried {times} times, asked for {asked} times"


def is_retry(change: DocumentChange) -> bool:
    """Whether a failed document became pending again."""
    return (change.was, change.became) == (DocumentState.FAILED, DocumentState.PENDING)
