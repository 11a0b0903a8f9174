"""A real browser for the tests of pages: the machine's own Chromium or Chrome, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class WatchedPage:
    """An open page, what it complained of, and what it asked of the network."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def open_page(path: Path, width: int = 1100, dark: bool = False) -> Iterator[WatchedPage]:
    """Opens a file from disk, as a double click would; a fresh profile each time."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(QUIET))
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        watched = WatchedPage(page)
        page.on("console", lambda message: watched.complaints.append(message.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("request", lambda request: watched.requests.append(request.url))
        page.goto(path.as_uri())
        watched.requests.remove(path.as_uri())
        try:
            yield watched
        finally:
            browser.close()


def find_browser() -> str:
    """The browser's program; an error with the cure if there is none, for a test that is skipped proves nothing."""
    for name in NAMES:
        if program := shutil.which(name):
            return program
    raise RuntimeError("The tests of pages need a browser. Install one:  apt-get install -y chromium")
