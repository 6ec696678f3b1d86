"""A real browser for tests and pictures: any Chromium of the machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE_FOUND = f"there is no Chromium: not one of {', '.join(NAMES)}, and Playwright has none of its own"


def found_chromium() -> str | None:
    """Find a Chromium on PATH, otherwise Playwright's own. None if there is neither."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def running_chromium(program: str) -> Iterator[Browser]:
    """Run a headless browser."""
    # Chromium's sandbox does not start for root, nor in most containers. These pages are ours.
    options = ["--no-sandbox"] if os.geteuid() == 0 or os.environ.get("CI") else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()
