"""What each answer adds to a score: rows of numbers whose sums give the score of any set of answers.

A corpus score is a function of sums over its examples (edits and lengths, matching n-grams). Keeping the rows apart
makes the score of a subset, of a bootstrap sample or of a length bin one matrix product instead of a new count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from heedful.errors import HeedfulError

Kind = Literal["symbols", "text"]
References = Sequence[tuple[str, ...]]
PRIMARY: dict[Kind, str] = {"symbols": "symbol_error", "text": "chrf"}


@dataclass(frozen=True)
class Counts:
    """One measure before summing. `rows` is (examples, columns); `score` turns summed columns into the value."""

    name: str
    higher_is_better: bool
    rows: np.ndarray
    score: Callable[[np.ndarray], float]
    signature: str = ""

    def value(self, chosen: np.ndarray | None = None) -> float:
        """The score of all examples, or of those chosen by a mask or by row numbers."""
        rows = self.rows if chosen is None else self.rows[chosen]
        return self.score(rows.sum(axis=0))


def count(kind: Kind, outputs: Sequence[str], references: References, ter: bool = True) -> dict[str, Counts]:
    """The counts of every measure of `kind`, by name; raises HeedfulError if there is nothing to score."""
    if len(outputs) != len(references):
        raise HeedfulError(f"{len(outputs)} answers cannot be scored against {len(references)} references.")
    if not outputs:
        raise HeedfulError("There is nothing to score: no example was given.", "Check that the file holds examples.")
    for number, accepted in enumerate(references, 1):
        if not accepted:
            raise HeedfulError(f"Example {number} has no reference to be scored against.")
    measures = symbol_counts(outputs, references) if kind == "symbols" else text_counts(outputs, references, ter)
    return {measure.name: measure for measure in measures}


def symbol_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Symbol and word error, in percent, of space-separated symbols.

    Each answer is held against its nearest reference: the one with the fewest edits and, among equals, the longest.
    Symbol error is the sum of those edits over the sum of those references' lengths; word error is the share of
    answers that equal no reference.
    """
    edits = np.array([nearest(output, accepted) for output, accepted in zip(outputs, references, strict=True)], float)
    wrong = np.stack([edits[:, 0] > 0, np.ones(len(edits))], axis=1)
    return [Counts("symbol_error", False, edits, percent), Counts("word_error", False, wrong, percent)]


def nearest(output: str, accepted: Sequence[str]) -> tuple[int, int]:
    """Edits to the nearest reference, and its length in symbols.

    >>> nearest("T AH M EY", ("T AH M EY T OW", "T AH M AA T OW"))
    (2, 6)
    """
    said = output.split()
    pairs = ((Levenshtein.distance(said, symbols), len(symbols)) for symbols in map(str.split, accepted))
    return min(pairs, key=lambda pair: (pair[0], -pair[1]))


def percent(sums: np.ndarray) -> float:
    """Part over whole in percent; nothing said where nothing was due is 0, something said is 100."""
    part, whole = sums
    if whole == 0:
        return 100.0 if part else 0.0
    return float(100.0 * part / whole)


def text_counts(outputs: Sequence[str], references: References, ter: bool = True) -> list[Counts]:
    """chrF, BLEU and TER as sacreBLEU defines them, and exact matches in percent, all on raw text."""
    metrics: list[tuple[str, Metric]] = [("chrf", CHRF()), ("bleu", BLEU(force=True))]
    if ter:
        metrics.append(("ter", TER()))
    same = [[output in accepted, 1] for output, accepted in zip(outputs, references, strict=True)]
    counts = [sacrebleu_counts(name, metric, outputs, references) for name, metric in metrics]
    return [*counts, Counts("exact", True, np.array(same, float), percent)]


def sacrebleu_counts(name: str, metric: Metric, outputs: Sequence[str], references: References) -> Counts:
    """Rows and signature from sacreBLEU's own metric.

    Its two underscored functions are the ones that its significance tests are made of; no public name gives the rows.
    """
    most = max(map(len, references))
    # sacreBLEU wants one list a reference number, with None where a source has fewer.
    streams = [[accepted[i] if i < len(accepted) else None for accepted in references] for i in range(most)]
    rows = np.array(metric._extract_corpus_statistics(outputs, streams), float)  # type: ignore[arg-type]

    def score(sums: np.ndarray) -> float:
        return float(metric._compute_score_from_stats(sums.tolist()).score)

    return Counts(name, name != "ter", rows, score, str(metric.get_signature()))
