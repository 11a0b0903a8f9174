"""Scores of written answers: symbols one after another, or running text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from heedful.metrics.counts import Counts, References, mean_counts, percent

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

ORDER = 4  # words of BLEU's longest n-grams


def symbol_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Symbol error, exact matches and their complement, word error, in percent, of space-separated symbols.

    Each answer is held against its nearest reference: the one with the fewest edits and, among equals, the longest.
    Symbol error is the sum of those edits over the sum of those references' lengths; word error is the share of
    answers that equal no reference.
    """
    edits = count_edits([output.split() for output in outputs], [list(map(str.split, each)) for each in references])
    wrong = edits[:, 0] > 0
    return [Counts("symbol_error", edits, percent), mean_counts("exact", ~wrong), mean_counts("word_error", wrong)]


def word_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Exact matches and symbol error, in percent, of answers that are a word each, whose symbols are its characters.

    >>> [(one.name, one.value()) for one in word_counts(["1984"], [("1985", "85")])]
    [('exact', 0.0), ('symbol_error', 25.0)]
    """
    return [exact(outputs, references), Counts("symbol_error", count_edits(outputs, references), percent)]


def count_edits(outputs: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> np.ndarray:
    """Edits to the nearest reference of each answer, and its length in symbols (N, 2)."""
    return np.array([nearest_reference(*example) for example in zip(outputs, references, strict=True)], float)


def nearest_reference(symbols: Sequence[str], accepted: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Edits to the nearest reference, and its length in symbols.

    >>> nearest_reference("tomay", ("tomayto", "tomahto"))
    (2, 7)
    """
    from rapidfuzz.distance import Levenshtein  # who only answers does without what scores

    pairs = ((Levenshtein.distance(symbols, reference), len(reference)) for reference in accepted)
    return min(pairs, key=lambda pair: (pair[0], -pair[1]))


def text_counts(outputs: Sequence[str], references: References, ter: bool = True) -> list[Counts]:
    """chrF, BLEU and TER as sacreBLEU defines them, and exact matches in percent, all on raw text."""
    from sacrebleu.metrics.bleu import BLEU  # who only answers does not wait for what scores
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    metrics: list[tuple[str, Metric]] = [("chrf", CHRF()), ("bleu", BLEU(force=True))]
    if ter:
        metrics.append(("ter", TER()))
    counts = [sacrebleu_counts(name, metric, outputs, references) for name, metric in metrics]
    return [*counts, exact(outputs, references)]


def tells_nothing(counts: Counts) -> bool:
    """Whether this is BLEU of texts so short that none has one of its longest n-grams: 0 even of what is right."""
    if counts.name != "bleu" or not isinstance(counts.rows, np.ndarray):
        return False
    longest_reference = counts.rows[:, 1].max(initial=0)
    return bool(longest_reference < ORDER)


def exact(outputs: Sequence[str], references: References) -> Counts:
    """The share of answers that equal a reference, in percent."""
    return mean_counts("exact", [output in accepted for output, accepted in zip(outputs, references, strict=True)])


def sacrebleu_counts(name: str, metric: "Metric", outputs: Sequence[str], references: References) -> Counts:
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
