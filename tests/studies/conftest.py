"""The browser in which the pages of studies are opened."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import start_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started
