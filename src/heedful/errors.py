"""Errors that a user can fix: one exception, and the nearest match to a misspelt word."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from reprlib import Repr
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

LONGEST_LINE = 2000  # characters of an error's line
LONGEST_WORD = 200  # characters of a word that may be a misspelt one
NO_TEXT = re.compile("[\ud800-\udfff]")  # what Python makes of such bytes
QUOTED = 100  # characters of a value that an error quotes


class HeedfulError(Exception):
    """An error that a user can fix: what is wrong, and how to fix it.

    The command line prints both and exits with code 2, without a traceback. Errors of our own code are `assert`s.
    `row`: which of several inputs it is about, from 0; None if of none alone.

    >>> print(HeedfulError("pairs.tsv is empty.", "Write one pair per line into it."))
    pairs.tsv is empty.
      Write one pair per line into it.
    """

    def __init__(self, problem: str, cure: str = "", row: int | None = None) -> None:
        self.problem, self.cure = shorten(problem), "\n".join(map(shorten, cure.splitlines()))
        self.row = row
        super().__init__(self.problem)

    def __str__(self) -> str:
        cure = "".join(f"\n  {line}" for line in self.cure.splitlines())
        return self.problem + cure

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows in place of where in our code it was noticed."""
        return [f"{type(self).__name__}: {self}"]

    def named(self, names: Sequence[str]) -> "HeedfulError":
        """The same error behind the name of the input that it is about, if it is about one and there are names.

        >>> print(HeedfulError("It has no gap.", row=1).named(["a.txt line 1", "a.txt line 3"]))
        a.txt line 3: It has no gap.
        """
        name = names[self.row] if names and self.row is not None else ""
        return HeedfulError(f"{name}: {self.problem}", self.cure) if name else self


def for_each(function: Callable[[T], R], inputs: Iterable[T]) -> list[R]:
    """What a function makes of each input; a HeedfulError in it says which of them it is about."""
    results: list[R] = []
    for row, each in enumerate(inputs):
        try:
            results.append(function(each))
        except HeedfulError as error:
            error.row = row
            raise
    return results


def shorten(line: str, most: int = LONGEST_LINE) -> str:
    """A line, or its beginning and how much longer it is: a file may hold a word of a gigabyte.

    >>> shorten("abcdefgh", 3)
    'abc… (8 characters)'
    """
    return line if len(line) <= most else f"{line[:most]}… ({len(line):,} characters)"


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number and its noun.

    >>> count(1, "column"), count(12_000, "column"), count(2, "class", "classes")
    ('1 column', '12,000 columns', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size_of(number: int) -> str:
    """Bytes as people read them.

    >>> size_of(5), size_of(1_234), size_of(123_456), size_of(12_345_678_900)
    ('5 bytes', '1.2 kB', '0.1 MB', '12,345.7 MB')
    """
    if number < 100:
        return count(number, "byte")
    return f"{number / 1e6:,.1f} MB" if number >= 1e5 else f"{number / 1e3:,.1f} kB"


def weights_of(number: int) -> str:
    """So many weights as people write them: in millions, if that says how many.

    >>> weights_of(1_804), weights_of(240_300)
    ('1,804 weights', '0.24 M weights')
    """
    return f"{number / 1e6:,.2f} M weights" if number >= 1e4 else count(number, "weight")


def quote(value: object) -> str:
    """A value as Python writes it, cut where it is long, deep, or a number of thousands of digits.

    >>> quote(["a", 10**5000])
    "['a', a whole number of 16,610 bits]"
    """
    return Quotes().repr(value)


class Quotes(Repr):
    """`quote`, for what is in lists and tables too."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxother = 4, QUOTED
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 20

    def repr_str(self, x: str, level: int) -> str:
        return repr(x) if len(x) <= QUOTED else f"{x[:QUOTED]!r}… ({len(x):,} characters)"

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() < 3 * QUOTED else f"a whole number of {x.bit_length():,} bits"


def name_not_utf8(error: UnicodeEncodeError) -> HeedfulError:
    """The error for a name of a file whose bytes are no text, where it was to be written into one."""
    line = error.object[: error.start].rpartition("\n")[2] + error.object[error.start :].partition("\n")[0]
    name = next((word for word in re.split("[\"'<>]", line) if NO_TEXT.search(word)), line)
    problem = f"The name {quote(name)} is not UTF-8, and can stand in no recipe and on no page."
    return HeedfulError(problem, "Rename it, and nothing else is in the way.")


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word nearest to `word`, or None if none is near.

    >>> nearest("transalte", ["translate", "label"])
    'translate'
    """
    if len(word) > LONGEST_WORD:
        return None
    matches = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return matches[0] if matches else None


def unknown(noun: str, word: str, allowed: Iterable[str]) -> HeedfulError:
    """The error for a word that is not in a fixed list: names the word, the nearest match and all allowed words.

    >>> print(unknown("task", "transalte", ["translate", "label"]))
    There is no task "transalte". Did you mean "translate"?
      Allowed: translate, label.
    """
    allowed = list(allowed)
    match = nearest(word, allowed)
    hint = f' Did you mean "{match}"?' if match else ""
    return HeedfulError(f'There is no {noun} "{shorten(word, LONGEST_WORD)}".{hint}', f"Allowed: {', '.join(allowed)}.")
