"""Pronunciation dictionaries: `word phone phone …`."""

import re
from collections.abc import Iterator

from heedful.data.readers.lines import read_lines
from heedful.data.readers.rows import BadRow, TextRow

SCORE = re.compile(r"\d*\.\d+(e-?\d+)?", re.IGNORECASE)
PROBABILITY = re.compile(r"0|1|0*\.\d+(e-?\d+)?|1\.0*|\d(\.\d+)?e-\d+", re.IGNORECASE)
VARIANT = re.compile(r"(?<=.)\(\d+\)$")


def read_lexicon(file: str) -> Iterator[TextRow | BadRow]:
    r"""Words and their symbols, as columns source and target; a row for each pronunciation.

    The word ends at the first tab, or else at the first white space. Symbols are separated by white space. `word(2)`
    is a further variant of `word`. Numbers with a decimal point between word and symbols are probabilities or
    scores, and are left out; where each word has a number from 0 to 1 behind it, and not all are whole, 1 and 1e-05 are
    probabilities too. A line that begins with `;;;`, and everything from a `#` that stands alone (white space
    or the line's edge on both sides), is a comment.
    """
    first_number = PROBABILITY if has_probabilities(file) else SCORE
    for number, word, symbols, text in entries(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if symbols and first_number.fullmatch(symbols[0]):
            symbols.pop(0)
        while symbols and SCORE.fullmatch(symbols[0]):
            symbols.pop(0)
        if not symbols:
            yield BadRow(f"{file} line {number}", "a word without symbols (word phone phone …)", text)
        else:
            yield TextRow({"source": VARIANT.sub("", word.strip()), "target": " ".join(symbols)}, file, number)


def entries(file: str) -> Iterator[tuple[int, str, list[str], str | BadRow]]:
    """Line number, word, symbols and the line itself of each line that is no comment."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield number, "", [], text
            continue
        if text.startswith(";;;"):
            continue
        entry = re.split(r"(?:^|(?<=\s))#(?=\s|$)", text, maxsplit=1)[0].strip()
        if entry:
            word, _, pronunciation = entry.partition("\t") if "\t" in entry else entry.partition(" ")
            yield number, word, pronunciation.split(), text


def has_probabilities(file: str) -> bool:
    """Whether a number from 0 to 1 stands behind every word, as in Kaldi's lexiconp.txt, and not all are whole."""
    fractions = 0
    for _, _, symbols, text in entries(file):
        if isinstance(text, BadRow):
            continue
        if len(symbols) < 2 or not PROBABILITY.fullmatch(symbols[0]):
            return False
        fractions += not symbols[0].isdigit()
    return fractions > 0


def lexicon_notes(file: str) -> list[str]:
    """That numbers are left out."""
    said = "the number behind each word is a probability, and left out"
    return [f"{file}: {said}"] if has_probabilities(file) else []
