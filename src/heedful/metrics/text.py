"""Scores of written answers: symbols one after another, or running text."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from heedful.metrics.counts import Counts, References, mean_counts, percent


def symbol_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Symbol and word error, in percent, of space-separated symbols.

    Each answer is held against its nearest reference: the one with the fewest edits and, among equals, the longest.
    Symbol error is the sum of those edits over the sum of those references' lengths; word error is the share of
    answers that equal no reference.
    """
    edits = np.array(
        [nearest_reference(output, accepted) for output, accepted in zip(outputs, references, strict=True)], float
    )
    return [Counts("symbol_error", edits, percent), mean_counts("word_error", edits[:, 0] > 0)]


def nearest_reference(output: str, accepted: Sequence[str]) -> tuple[int, int]:
    """Edits to the nearest reference, and its length in symbols.

    >>> nearest_reference("T AH M EY", ("T AH M EY T OW", "T AH M AA T OW"))
    (2, 6)
    """
    symbols = output.split()
    pairs = ((Levenshtein.distance(symbols, reference), len(reference)) for reference in map(str.split, accepted))
    return min(pairs, key=lambda pair: (pair[0], -pair[1]))


def text_counts(outputs: Sequence[str], references: References, ter: bool = True) -> list[Counts]:
    """chrF, BLEU and TER as sacreBLEU defines them, and exact matches in percent, all on raw text."""
    metrics: list[tuple[str, Metric]] = [("chrf", CHRF()), ("bleu", BLEU(force=True))]
    if ter:
        metrics.append(("ter", TER()))
    counts = [sacrebleu_counts(name, metric, outputs, references) for name, metric in metrics]
    return [*counts, exact(outputs, references)]


def exact(outputs: Sequence[str], references: References) -> Counts:
    """The share of answers that equal a reference, in percent."""
    return mean_counts("exact", [output in accepted for output, accepted in zip(outputs, references, strict=True)])


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

    return Counts(name, rows, score, str(metric.get_signature()))
