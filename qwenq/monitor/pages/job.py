"""A job's page. Its parts update themselves until the job has ended."""

from functools import partial

from tornado.web import HTTPError

from qwenq.monitor.pages.job_parts import HIDDEN, PARTS, find_job
from qwenq.monitor.pages.job_place import JobPlace, job_place
from qwenq.monitor.pages.page import Page
from qwenq.schemas.states import ChunkState


class JobPage(Page):
    """GET /jobs/<id>?chunk_state=&chunks_after=&answers_after=. `part` names the part that htmx requests."""

    async def get(self, job_id: str) -> None:
        """Show a job, or one live part of its page."""
        place = self._place(job_id)
        shown = PARTS if self.shows_text else PARTS.keys() - HIDDEN
        part = self.get_query_argument("part", "summary")
        if self.wants_live_part and part not in shown:
            raise HTTPError(404, "The page of a job has no such part.")
        parts = (part,) if self.wants_live_part else shown
        find = partial(
            find_job,
            place=place,
            parts=parts,
            with_name=self.shows_text,
            broker_trouble=self.application.broker_watch.trouble,
        )
        facts = await self.application.reader.read(find)
        if facts["job"].status.state.ended:
            self.stop_polling()
        name = f"job_{part}" if self.wants_live_part else "job"
        self.show(name, place=place, chunk_states=list(ChunkState), **facts)

    def _place(self, job_id: str) -> JobPlace:
        names = ("chunk_state", "chunks_after", "answers_after")
        given = {name: self.get_query_argument(name, "") for name in names}
        try:
            return job_place(job_id, given)
        except ValueError as error:
            raise HTTPError(400, str(error)) from None
