"""Buttons of a job: posts that do what the commands of the same names do."""

from functools import partial

from qwenq.actions import changing
from qwenq.actions.changing import Revival
from qwenq.monitor.pages.page import Page
from qwenq.schemas.log.deeds import acting_as
from qwenq.schemas.settings import Settings
from qwenq.wording.numbers import counted
from qwenq.wording.workers import start_a_worker


class JobAction(Page):
    """POST /jobs/<id>/cancel, pause, resume or retry. The job's page then says what was done."""

    async def post(self, given_id: str, action: str) -> None:
        """Do it in a thread, because it calls the store and the broker."""
        job_id = int(given_id)
        done = partial(_ACTIONS[action], job_id, self.application.qwenq_settings)
        said = await self.application.reader.act(partial(acting_as, self.visitor.name, done))
        self.go(f"/jobs/{job_id}", said)


def _cancel(job_id: int, settings: Settings) -> str:
    status = changing.cancel(job_id, settings)
    return f"Cancelled. {counted(status.documents.succeeded, 'answer')} kept."


def _pause(job_id: int, settings: Settings) -> str:
    running = changing.pause(job_id, settings).documents.running
    # Their number falls at once: workers release those that they have not begun.
    return "Paused. Workers finish the documents that they have begun." if running else "Paused."


def _resume(job_id: int, settings: Settings) -> str:
    return _going_on("Resumed.", changing.resume(job_id, settings))


def _retry(job_id: int, settings: Settings) -> str:
    revival = changing.retry(job_id, (), settings)
    return _going_on(f"{counted(revival.status.documents.pending, 'document')} to run again.", revival)


def _going_on(done: str, revival: Revival) -> str:
    if revival.unannounced:
        return f"{done} The broker is away; workers will continue once it is back."
    if not revival.workers:
        return f"{done} But {start_a_worker(revival.status.model)}."
    return done


_ACTIONS = {"cancel": _cancel, "pause": _pause, "resume": _resume, "retry": _retry}
