"""A real browser for the tests of pages: the machine's own Chromium or Chrome, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class WatchedPage:
    """An open page, what it complained of, and what it asked of the network."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Starts the browser; that takes a second, which the pages of a file of tests share."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, path: Path, width: int = 1100, dark: bool = False) -> Iterator[WatchedPage]:
    """Opens a file from disk, as a double click would; with a fresh profile each time."""
    colours = "dark" if dark else "light"
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours) as profile:
        page = profile.new_page()
        watched = WatchedPage(page)
        page.on("console", lambda message: watched.complaints.append(message.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("request", lambda request: watched.requests.append(request.url))
        page.goto(path.as_uri())
        watched.requests.remove(path.as_uri())
        yield watched


def find_browser() -> str:
    """The browser's program; an error with the cure if there is none, for a test that is skipped proves nothing."""
    for name in NAMES:
        if program := shutil.which(name):
            return program
    raise RuntimeError("The tests of pages need a browser. Install one:  apt-get install -y chromium")
