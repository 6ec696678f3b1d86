"""Take screenshots of Flower's pages for docs/images/: `python -m docs.pictures`, or `make pictures`.

Needs a Chromium.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.services import running_redis
from docs.example_store import beat, fill
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from tests.chromium import NONE_FOUND, found_chromium, running_chromium
from tests.monitors import running_monitor

IMAGES = Path(__file__).parent / "images"


@dataclass(frozen=True, slots=True)
class _Picture:
    """A page in one color scheme and size; `width` and `height` in pixels."""

    name: str
    path: str
    scheme: str
    width: int
    height: int


_PICTURES = (
    _Picture("jobs-light", "/jobs", "light", 1_280, 620),
    _Picture("jobs-dark", "/jobs", "dark", 1_280, 620),
    _Picture("jobs-narrow", "/jobs", "light", 390, 800),
    _Picture("job-light", "/jobs/5", "light", 1_280, 900),
    _Picture("job-dark", "/jobs/5", "dark", 1_280, 900),
    _Picture("job-narrow-dark", "/jobs/5", "dark", 390, 800),
    _Picture("schedules-light", "/schedules", "light", 1_280, 620),
    _Picture("schedules-narrow-dark", "/schedules", "dark", 390, 800),
    _Picture("schedule-dark", "/schedules/1", "dark", 1_280, 800),
    _Picture("fleet-light", "/fleet", "light", 1_280, 800),
    _Picture("fleet-dark", "/fleet", "dark", 1_280, 800),
    _Picture("fleet-narrow-dark", "/fleet", "dark", 390, 800),
)


def main() -> int:
    """Take all screenshots. Returns 3 if there is no Chromium."""
    program = found_chromium()
    if program is None:
        sys.stderr.write(f"{NONE_FOUND}\n")
        return 3
    IMAGES.mkdir(exist_ok=True)
    with _example_flower() as (entrance, store), running_chromium(program) as browser:
        for picture in _PICTURES:
            beat(store)
            _take(browser, entrance, picture)
            sys.stdout.write(f"{IMAGES / picture.name}.png\n")
    return 0


@contextmanager
def _example_flower() -> Iterator[tuple[str, Store]]:
    """Run Flower over the example's store, with a Redis. Gives its address and the store."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        with open_store(settings) as store, running_redis(settings):
            fill(store)
            with running_monitor(settings) as flower:
                yield flower.url + flower.entrance, store


def _take(browser: Browser, entrance: str, picture: _Picture) -> None:
    context = browser.new_context(
        base_url=entrance,
        color_scheme="dark" if picture.scheme == "dark" else "light",
        viewport={"width": picture.width, "height": picture.height},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(entrance)
    page.goto(picture.path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{picture.name}.png", animations="disabled")
    context.close()


if __name__ == "__main__":
    raise SystemExit(main())
