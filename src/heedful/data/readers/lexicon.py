"""Pronunciation dictionaries: `word phone phone …`."""

import re
from collections.abc import Iterator

from heedful.data.readers.lines import read_lines
from heedful.data.readers.rows import BadRow, TextRow

PROBABILITY = re.compile(r"\d*\.\d+(e-?\d+)?", re.IGNORECASE)
VARIANT = re.compile(r"(?<=.)\(\d+\)$")


def read_lexicon(file: str) -> Iterator[TextRow | BadRow]:
    r"""Words and their symbols, as columns source and target; a row for each pronunciation.

    The word ends at the first tab, or else at the first white space. Symbols are separated by white space. `word(2)`
    is a further variant of `word`. Numbers with a decimal point between word and symbols are probabilities or
    scores, and are left out. A line that begins with `;;;`, and everything from a `#` that stands alone (white space
    or the line's edge on both sides), is a comment.
    """
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if text.startswith(";;;"):
            continue
        entry = re.split(r"(?:^|(?<=\s))#(?=\s|$)", text, maxsplit=1)[0].strip()
        if not entry:
            continue
        word, _, pronunciation = entry.partition("\t") if "\t" in entry else entry.partition(" ")
        symbols = pronunciation.split()
        while symbols and PROBABILITY.fullmatch(symbols[0]):
            symbols.pop(0)
        if not symbols:
            yield BadRow(f"{file} line {number}", "a word without symbols (word phone phone …)", text)
        else:
            yield TextRow({"source": VARIANT.sub("", word.strip()), "target": " ".join(symbols)}, file, number)
