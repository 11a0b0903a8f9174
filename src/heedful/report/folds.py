"""The folds of a cross-validation as a table, the same in terminals, on pages and in cards."""

from heedful.report import words
from heedful.results import Scores

MEASURES = 4  # columns of measures that there is room for


def fold_rows(scores: Scores) -> list[list[str]]:
    """The head, and a row for each fold; nothing where there are none."""
    if not scores.folds:
        return []
    names = [name for name in scores.measures if all(name in fold.measures for fold in scores.folds)][:MEASURES]
    rows = [
        [str(fold.number), f"{fold.count:,}", *(words.score(fold.measures[name], name) for name in names)]
        for fold in scores.folds
    ]
    return [["fold", "examples", *map(words.title, names)], *rows]
