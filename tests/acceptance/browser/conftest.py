"""A browser with a real Flower and a real worker."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Error, Page, Request, expect

from qwenq.actions.request import JobRequest
from qwenq.embedded.redis import start_redis
from qwenq.schedules import commands
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from tests.chromium import NONE_FOUND, found_chromium, running_chromium
from tests.monitors import Browser, running_monitor
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

PATIENCE_MS = 60_000
"""Pages poll every few seconds, and the machine may be busy."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    program = found_chromium()
    if program is None:
        pytest.skip(NONE_FOUND)
    with running_chromium(program) as browser:
        yield browser


@pytest.fixture(scope="module")
def watched(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An embedded store, with its Redis and a worker of the echo engine."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    service = start_redis(settings)
    fleet = Fleet(settings)
    worker = fleet.start("worker", "--model", "echo")
    eventually(lambda: "ready." in worker.log.read_text(), "the worker is ready")
    yield settings
    fleet.kill()
    service.kill()


@pytest.fixture(scope="module")
def store(watched: Settings) -> Iterator[Store]:
    with open_store(watched) as store:
        yield store


@pytest.fixture(scope="module")
def jobs(watched: Settings, store: Store) -> Iterator[Jobs]:
    with Broker(watched) as broker:
        yield Jobs(store, broker, watched)


@pytest.fixture(scope="module")
def flower(watched: Settings) -> Iterator[Browser]:
    with running_monitor(watched) as browser:
        yield browser


@pytest.fixture(scope="module")
def schedule(watched: Settings, store: Store, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a schedule."""
    folder = tmp_path_factory.mktemp("inbox")
    (folder / "a.jsonl").write_text('{"text": "one"}\n')
    settings = watched.model_copy(update={"model": "echo"})
    policy = RunPolicy(output=str(folder / "answers-{date}.jsonl"), on_failure_rate=0.05)
    added = commands.add(
        "nightly", ("0 2 * * *", "UTC"), JobRequest(files=[str(folder / "a.jsonl")]), policy, settings
    )
    return f"/schedules/{added.schedule.id}"


@dataclass
class Watch:
    """The warnings and errors of a browser, and the hosts that it requested."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _on_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"}:
            self.hosts.add(parts.netloc)


@pytest.fixture
def page(chromium: Chromium, flower: Browser) -> Iterator[Page]:
    """A page of Flower. It must log no warning and request no other host."""
    context = chromium.new_context(base_url=flower.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(flower.entrance)
    watch = Watch()
    watch.over(page)
    yield page
    context.close()
    assert watch.complaints == []
    assert watch.hosts <= {urlsplit(flower.url).netloc}
