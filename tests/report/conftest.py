"""The browser in which the pages of a file of tests are opened."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import start_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file of tests: while it runs, its thread can run no other event loop."""
    with start_browser() as started:
        yield started
