"""The scores of a set of answers of any kind."""

from collections.abc import Sequence

import numpy as np

from heedful.metrics.counts import PRIMARY, Counts, Kind, References
from heedful.results import Bin, Case, Scores

BINS = 8


def evaluate(
    kind: Kind,
    sources: Sequence[str],
    outputs: Sequence[str],
    references: References,
    *,
    samples: int = 1000,
    seed: int = 0,
    lengths: Sequence[int] | None = None,
    ter: bool = True,
    logs: Sequence[float] | None = None,
) -> Scores:
    """Scores `outputs` against everything accepted as right, with 95 % intervals, quality by length and every case.

    `kinds.counts_of_kind` has the measures of each kind, `counts.PRIMARY` the one that "best" goes by. An empty output
    is an answer like any other. `samples` bootstrap samples (0: no interval); `lengths` of the sources in tokens
    (None: of texts in words, or characters where every source is one word; of all else, unknown, and left out);
    ter=False leaves TER out, which is slow on long texts; `logs`: the log probability of each output. Raises
    HeedfulError if there is nothing to score.

    >>> scores = evaluate("symbols", ["hi"], ["HH AY"], [("HH AY", "HH IY")])
    >>> scores.measures["symbol_error"].value
    0.0
    """
    from heedful.metrics.bootstrap import interval  # whoever answers a question scores nothing
    from heedful.metrics.kinds import count
    from heedful.metrics.text import tells_nothing

    every = count(kind, outputs, references, ter)
    measures = {name: counts for name, counts in every.items() if not tells_nothing(counts)}
    primary = measures[PRIMARY[kind]]
    errors = rank_errors(outputs) if kind == "ranks" else item_errors(primary, outputs, references)
    if lengths is None and kind in ("symbols", "words", "text"):
        lengths = source_lengths(sources)
    cases = zip(sources, outputs, map(tuple, references), errors, logs or [None] * len(outputs), strict=True)
    return Scores(
        primary=primary.name,
        measures={name: interval(counts, samples, seed) for name, counts in measures.items()},
        count=len(outputs),
        by_length=() if lengths is None else by_length(primary, lengths),
        cases=tuple(Case(*case) for case in cases),
        kind=kind,
    )


def item_errors(primary: Counts, outputs: Sequence[str], references: References) -> list[float]:
    """How wrong each answer is, in percent: its own error rate, or 100 less its own score; 0 if it is right."""
    assert isinstance(primary.rows, np.ndarray), "what best goes by has a value for each example"
    values = [primary.score(row) for row in primary.rows]
    if not primary.higher_is_better:
        return values
    # An empty answer to an empty reference is right, though it has no n-grams in common; where nothing counts (every
    # step masked), nothing is wrong.
    right = [output in accepted for output, accepted in zip(outputs, references, strict=True)]
    fine = np.array(right) | ~primary.rows.any(axis=1)
    return [0.0 if is_right else 100.0 - value for is_right, value in zip(fine, values, strict=True)]


def rank_errors(outputs: Sequence[str]) -> list[float]:
    """How wrong each place is, in percent: 0 for the first, the nearer to 100 the further down.

    >>> rank_errors(["1", "2", "100"])
    [0.0, 50.0, 99.0]
    """
    return [100.0 - 100.0 / int(output) for output in outputs]


def source_lengths(sources: Sequence[str]) -> list[int]:
    """Words in each source; characters if every source is one word."""
    words = [len(source.split()) for source in sources]
    return words if max(words) > 1 else [len(source) for source in sources]


def by_length(counts: Counts, lengths: Sequence[int]) -> tuple[Bin, ...]:
    """The score within at most BINS ranges of length that hold about equally many examples each."""
    all_lengths = np.asarray(lengths)
    # Examples of one length stay together, so the last length of each range is what the quantiles fall on.
    shares = np.linspace(0, 1, BINS + 1)[1:]
    lasts = np.unique(np.quantile(all_lengths, shares, method="inverted_cdf"))
    bins, below = [], -1
    for last in lasts.tolist():
        inside = (all_lengths > below) & (all_lengths <= last)
        low, high = int(all_lengths[inside].min()), int(all_lengths[inside].max())
        bins.append(Bin(low, high, int(inside.sum()), counts.value(inside)))
        below = last
    return tuple(bins)
