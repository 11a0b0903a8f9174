"""Every kind of page that is written, opened from disk in a real browser, in four views: a desk and a phone, light and
dark.
"""

import re
from pathlib import Path

from playwright.sync_api import Browser

from support.accessibility import barriers
from support.browser import WatchedPage, open_page
from support.sampling import SEED, SIZE, sample
from support.synthetic_pages import write_pages

PHONE, DESK = 390, 1280
VIEWS = [(width, dark) for width in (PHONE, DESK) for dark in (False, True)]
ASLEEP = ".explanation:not(.alive), .moments:not(.alive), .computation:not(.alive)"
PICTURES = "[...document.images]"


def test_every_page_opens_in_peace_without_barriers(tmp_path: Path, browser: Browser) -> None:
    """No complaint, nothing asked of the network, no text run as code, nothing wider than a phone, no dark page that is
    light; and nothing that axe finds fault with, in one view of each page, another each time. Of pages a half.
    """
    problems: list[str] = []
    paths = list(write_pages(tmp_path))
    for number, path in enumerate(sample(paths, len(paths) // 2)):
        for width, dark in VIEWS if SIZE == "all" else [VIEWS[(SEED + number) % len(VIEWS)]]:
            with open_page(browser, path, PHONE, dark) as watched:
                watched.page.wait_for_function(f"!document.querySelector('{ASLEEP}')")
                found = problems_of(watched, dark)
                watched.page.set_viewport_size({"width": width, "height": 900})
                found += barriers(watched.page) + watched.complaints
                found += [url for url in watched.requests if not url.startswith("data:image/png")]
            problems += [f"{path.name}, {width} pixels, {'dark' if dark else 'light'}: {one}" for one in found]
    assert problems == []


def problems_of(watched: WatchedPage, dark: bool) -> list[str]:
    """What is wrong with a page on a phone that a person would see at once."""
    ask = watched.page.evaluate
    background = sum(map(int, re.findall(r"\d+", ask("getComputedStyle(document.body).backgroundColor"))[:3]))
    checks = {
        "wider than a phone": ask("document.documentElement.scrollWidth") > PHONE,
        "in the wrong colours": (background < 382) != dark,
        "a text was run as a script": ask("document.scripts.length - document.querySelectorAll('main script').length")
        > 1,
        # An onerror of the texts would have made one without a source.
        "a picture from elsewhere": not ask(f"{PICTURES}.every(one => one.src.startsWith('data:image/png;base64,'))"),
        "a picture is not seen": ask(f"{PICTURES}.some(one => !one.naturalWidth)"),
    }
    return [name for name, wrong in checks.items() if wrong]
