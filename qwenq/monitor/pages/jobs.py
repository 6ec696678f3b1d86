"""The page of all jobs, filtered and ordered by its address."""

from dataclasses import dataclass, replace
from functools import partial
from shlex import quote
from urllib.parse import urlencode

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.pages.job_view import JobView
from qwenq.monitor.pages.page import Page
from qwenq.schemas.jobs import JobFilter, JobOrder, JobStatus
from qwenq.schemas.states import JobState
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.jobs.statuses import job_statuses, jobs_by_state, models_of_jobs, tenants_of_jobs
from qwenq.wording.workers import worker_command

PAGE_JOBS = 50
MOST_COUNTED = 10_000
EXAMPLE_MODEL = "Qwen/Qwen3-0.6B"
_MOST_DIGITS = 18
_COUNTED = (JobState.RUNNING, JobState.QUEUED, JobState.PAUSED, JobState.VALIDATING, JobState.FAILED,
            JobState.COMPLETED, JobState.CANCELLED)  # fmt: skip
"""What needs a look comes first."""


@dataclass(frozen=True, slots=True)
class JobsFound:
    """A page of jobs. `more`: further jobs follow. `live_models`: the models of live workers.

    `counts`: how many jobs there are in each state (at most MOST_COUNTED), if all models, tenants and names are shown.
    `missing_workers`: commands that start a missing worker, by model.
    """

    jobs: list[JobView]
    counts: list[tuple[JobState, int]]
    more: bool
    models: list[str]
    tenants: list[str]
    live_models: list[str]
    missing_workers: dict[str, str]

    @property
    def first_submit(self) -> str:
        """An example of `qwenq submit`, with the model of a live worker if there is one."""
        model = next(iter(self.live_models), EXAMPLE_MODEL)
        return f"qwenq submit documents.jsonl --model {quote(model)} --prompt 'Summarise: {{{{ text }}}}'"

    @property
    def first_worker(self) -> str | None:
        """The command that starts a worker for that job; None if a live worker exists."""
        return None if self.live_models else worker_command(EXAMPLE_MODEL)


class JobsPage(Page):
    """GET /jobs?state=&model=&tenant=&name=&order=&after=. Each parameter is optional."""

    async def get(self) -> None:
        """Show a page of jobs."""
        wanted, order, after = self._wanted(), self._order(), self._after()
        find = partial(find_jobs, wanted=wanted, order=order, after=after, with_names=self.shows_text)
        found = await self.application.reader.read(find)
        self.show(
            "jobs",
            found=found,
            wanted=wanted,
            after=after,
            order=order,
            here=_address(wanted, order, after),
            next=_address(wanted, order, found.jobs[-1].id) if found.more else None,
            first=_address(wanted, order, None),
            of_state=lambda state: _address(replace(wanted, state=state), order, None),
            in_order=lambda chosen: _address(wanted, chosen, None),
            states=list(JobState),
            most_counted=MOST_COUNTED,
            orders=[one for one in JobOrder if one != JobOrder.NAME or self.shows_text],
        )

    def _wanted(self) -> JobFilter:
        state = self.get_query_argument("state", "")
        if state and state not in list(JobState):
            raise HTTPError(400, f"There is no state {state}; the states are {', '.join(JobState)}.")
        # A filter would tell whether a hidden name has a part.
        name = self.get_query_argument("name", "").replace("\0", "") if self.shows_text else ""
        return JobFilter(
            state=JobState(state) if state else None,
            model=self.get_query_argument("model", "") or None,
            name=name or None,
            tenant=self.get_query_argument("tenant", "") or None,
        )

    def _order(self) -> JobOrder:
        order = self.get_query_argument("order", "") or JobOrder.NEWEST
        # The order would tell hidden names.
        if order not in list(JobOrder) or (order == JobOrder.NAME and not self.shows_text):
            raise HTTPError(400, f"There is no order {order}; the orders are {', '.join(JobOrder)}.")
        return JobOrder(order)

    def _after(self) -> int | None:
        given = self.get_query_argument("after", "")
        if not given:
            return None
        if not given.isdecimal() or len(given) > _MOST_DIGITS:
            raise HTTPError(400, "`after` must be the id of a job.")
        return int(given)


def find_jobs(
    connection: Connection, wanted: JobFilter, order: JobOrder, after: int | None, *, with_names: bool
) -> JobsFound:
    """Read a page of jobs that pass the filter: the first ones, or those after a job."""
    found = job_statuses(connection, PAGE_JOBS + 1, wanted, order, after)
    # Names have no index: to count those that match would read all jobs every other second.
    counts = {} if wanted.model or wanted.name or wanted.tenant else jobs_by_state(connection, MOST_COUNTED)
    shown: list[JobStatus] = found[:PAGE_JOBS]
    live = models_alive(connection, ALIVE_SECONDS)
    views = [JobView(job, live, with_names) for job in shown]
    return JobsFound(
        jobs=views,
        counts=[(state, counts[state]) for state in _COUNTED if counts.get(state)],
        more=len(found) > PAGE_JOBS,
        models=models_of_jobs(connection),
        tenants=tenants_of_jobs(connection),
        live_models=sorted(live),
        missing_workers={
            view.status.model: view.missing_worker
            for view in sorted(views, key=lambda view: view.status.model)
            if view.missing_worker
        },
    )


def _address(wanted: JobFilter, order: JobOrder, after: int | None) -> str:
    given = {
        "state": wanted.state,
        "model": wanted.model,
        "tenant": wanted.tenant,
        "name": wanted.name,
        "after": after,
    }
    if order != JobOrder.NEWEST:
        given["order"] = order
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"/jobs?{query}" if query else "/jobs"
