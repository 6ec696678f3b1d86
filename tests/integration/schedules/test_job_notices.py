"""Notices of any job that ends: made by a tick, once for each end and each place."""

import json

from sqlalchemy import select

from qwenq import api
from qwenq.schedules.troubles import troubles, troubles_of_job
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import notices
from qwenq.store.life.retrying import retry_failed
from tests.builders import answer, chunks_of, claim_one, failure, finish
from tests.integration.schedules.conftest import Nights

PLACES = ["http://127.0.0.1:9/a-token", "slack:http://127.0.0.1:9/a-token"]


def test_each_end_of_a_job_has_a_notice_at_each_place(nights: Nights) -> None:
    nights.put("a.jsonl", ["a secret of the document", "two"])
    settings = nights.settings.model_copy(update={"flower_url": "https://flower.example/q/"})
    nights.settings = settings
    job_id = api.submit([nights.inbox], notify=PLACES, settings=settings).id
    nights.tick()
    assert _bodies(nights) == []
    [chunk] = chunks_of(nights.store, job_id)
    finish(nights.store, claim_one(nights.store, chunk, nights.worker), [answer(0), failure(1)])
    assert troubles(settings) == []
    nights.tick()
    nights.tick()
    [body, same] = _bodies(nights)
    assert body == same
    told = json.loads(body)
    assert (told["type"], told["data"]["failed"]) == ("job.completed", 1)
    assert told["data"]["link"] == f"https://flower.example/q/jobs/{job_id}"
    assert "secret" not in body
    refused = troubles_of_job(settings, job_id)
    assert len(refused) == 2
    assert all("did not take the notice" in one and "a-token" not in one for one in refused)
    with nights.store.writing() as connection:
        retry_failed(connection, job_id)
    nights.tick()
    assert len(_bodies(nights)) == 2
    nights.answer(job_id)
    nights.tick()
    assert json.loads(_bodies(nights)[-1])["data"]["failed"] == 0
    assert len(_bodies(nights)) == 4


def test_an_end_that_no_beat_tells_is_a_trouble(nights: Nights) -> None:
    from datetime import timedelta

    from sqlalchemy import update

    nights.put("a.jsonl", ["one"])
    job_id = api.submit([nights.inbox], notify=PLACES[:1], settings=nights.settings).id
    nights.answer(job_id)
    with nights.store.writing() as connection:
        ended = connection.execute(select(jobs.c.finished_at)).scalar_one()
        connection.execute(update(jobs).values(finished_at=ended - timedelta(minutes=5)))
    assert api.status(job_id, settings=nights.settings).state is JobState.COMPLETED
    [trouble] = troubles(nights.settings)
    assert trouble == "1 job ended, and nobody was notified: no beat runs; start one with `qwenq beat`"


def _bodies(nights: Nights) -> list[str]:
    with nights.store.reading() as connection:
        return list(connection.execute(select(notices.c.body).order_by(notices.c.id)).scalars())
