"""A Flower with qwenq's pages in a thread of the test process, on a real socket."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
from tornado.ioloop import IOLoop

from qwenq.access.owner_token import owner_token
from qwenq.monitor.application import Monitor
from qwenq.monitor.service import Serving, make_monitor
from qwenq.schemas.settings import Settings

ADDRESS = "127.0.0.1"
_FORM_TOKEN = 'name="_xsrf" value="'


@dataclass
class Browser:
    """Requests pages of a Flower, and keeps its cookies. `token` is the owner's, where there are no users."""

    monitor: Monitor
    url: str
    token: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def entrance(self) -> str:
        """The path that a person opens first."""
        return f"/jobs?token={self.token}" if self.token else "/jobs"

    def get(self, path: str, **options: object) -> requests.Response:
        """The response to a GET."""
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        """The response to any request. Redirects are not followed."""
        # requests has a type for each option; here any option is passed on.
        given: dict[str, object] = {"allow_redirects": False, "timeout": 30, **options}
        return self.session.request(method, self.url + path, **given)  # type: ignore[arg-type]

    def press(self, action: str, job_id: int, **options: object) -> requests.Response:
        """Post a job's form with the token from the cookie of the jobs' page."""
        self.get("/jobs")
        token = self.session.cookies.get("_xsrf", "")
        return self.ask("POST", f"/jobs/{job_id}/{action}", data={"_xsrf": token}, **options)


@contextmanager
def running_monitor(settings: Settings, *, read_only: bool = False) -> Iterator[Browser]:
    """Run a Flower on a free port of loopback."""
    started: queue.Queue[tuple[Monitor, int | None] | BaseException] = queue.Queue()

    def serve() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        try:
            monitor = make_monitor(settings, Serving(ADDRESS, 0, read_only))
            started.put((monitor, monitor.start_http_server()))
        except BaseException as error:  # noqa: BLE001 - the test thread raises it
            started.put(error)
            return
        monitor.start()
        IOLoop.current().close(all_fds=True)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    found = started.get(timeout=30)
    if isinstance(found, BaseException):
        raise found
    monitor, port = found
    guarded = settings.flower_auth or settings.flower_viewers or monitor.options.auth
    browser = Browser(monitor, f"http://{ADDRESS}:{port}", None if guarded else owner_token(settings.home))
    if browser.token:
        browser.session.headers["Authorization"] = f"Bearer {browser.token}"
    try:
        yield browser
    finally:
        browser.session.close()
        monitor.io_loop.add_callback(monitor.stop)
        thread.join(30)
