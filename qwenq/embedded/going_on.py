"""Whether a one-shot goes on with the job that the same command left before, or begins anew."""

from sqlalchemy import Connection

from qwenq.actions.submitters import submitter_of
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobChange, JobState
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.jobs import hold_job, note_change
from qwenq.store.life.one_shots import forget_one_shot, job_to_continue
from qwenq.store.life.pausing import resume_job
from qwenq.store.life.weights import allow_mixed_weights, weights_of_job
from qwenq.store.views.answers.results import count_answers
from qwenq.wording.numbers import counted
from qwenq.wording.output import say
from qwenq.worker.engines.factory import weights_now


def interrupted_job(store: Store, settings: Settings, key: str, spec: JobSpec) -> int | None:
    """The job that the same command left before, resumed if it was paused; None if a new one is to begin.

    An unfinished job that other weights of the model began is dropped, unless the specification allows mixed ones.
    """
    with store.writing() as connection:
        job_id = job_to_continue(connection, key)
        if job_id is None:
            return None
        state = hold_job(connection, job_id)
        if spec.mixed_weights:
            allow_mixed_weights(connection, job_id)
        elif not state.ended and _has_other_weights(connection, job_id, spec.model):
            answers = counted(count_answers(connection, job_id), "answer")
            cancel_job(connection, job_id)
            forget_one_shot(connection, job_id)
            say(
                f"the weights of {spec.model} have changed since job {job_id} was interrupted: beginning anew, without "
                f"its {answers} (--mixed-weights would go on with it)"
            )
            return None
        if state == JobState.PAUSED:
            resume_job(connection, job_id)
            note_change(connection, job_id, JobChange.RESUMED, submitter_of(settings))
    say(f"job {job_id} was interrupted before: going on with it")
    return job_id


def _has_other_weights(connection: Connection, job_id: int, model: str) -> bool:
    """Whether it is known that the model had other weights when the job began."""
    return weights_now(model).differ_from(weights_of_job(connection, job_id))
