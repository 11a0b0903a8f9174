"""Errors that a user can fix: one exception, and the nearest match to a misspelt word."""

from collections.abc import Iterable
from difflib import get_close_matches


class HeedfulError(Exception):
    """An error that a user can fix: what is wrong, and how to fix it.

    The command line prints both and exits with code 2, without a traceback. Errors of our own code are `assert`s.

    >>> print(HeedfulError("pairs.tsv is empty.", "Write one pair per line into it."))
    pairs.tsv is empty.
      Write one pair per line into it.
    """

    def __init__(self, problem: str, cure: str = "") -> None:
        self.problem, self.cure = problem, cure
        super().__init__(problem)

    def __str__(self) -> str:
        cure = "".join(f"\n  {line}" for line in self.cure.splitlines())
        return self.problem + cure


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word nearest to `word`, or None if none is near.

    >>> nearest("transalte", ["translate", "label"])
    'translate'
    """
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
    return HeedfulError(f'There is no {noun} "{word}".{hint}', f"Allowed: {', '.join(allowed)}.")
