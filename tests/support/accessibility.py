"""What keeps people from reading a page, by the rules of WCAG 2.1, levels A and AA, as axe-core tests them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def barriers(page: Page) -> list[str]:
    """The rules that an open page breaks, each with the first element that does."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]
