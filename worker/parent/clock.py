"""Beat's clock: Celery's, which says once that the broker is away, and not every few seconds."""

from typing import Any

from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu.exceptions import OperationalError

from qwenq.schemas.errors import BrokerAway, reason_of
from qwenq.schemas.log.addresses import without_passwords
from qwenq.worker.reach import Reach


class Clock(Scheduler):
    """Announces what is due. A duty that could not be announced is announced when it is due again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._reach = Reach()
        super().__init__(*args, **options)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Announce a duty."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            cause = error.__cause__ or error.__context__
            # A connection that was lost may raise anything the next time.
            reason = (
                reason_of(cause)
                if isinstance(cause, (OSError, OperationalError))
                else "the connection to it was lost"
            )
            self._reach.note_away(BrokerAway(without_passwords(str(self.app.conf.broker_url)), reason))
        else:
            self._reach.note_answer(BrokerAway)
