"""Rows that are longer than a network with trained positions reads at once, as far as can be told before training."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from heedful.data.pairs.statistics import FIRST, SIDES, PairStatistics
from heedful.data.readers.rows import count
from heedful.results import Finding
from heedful.schema import DataSettings

SPLITTING = {
    "words": ("auto", "characters", "symbols", "bpe", "unigram"),
    "symbols": ("auto", "characters", "symbols", "bpe", "unigram"),
    "characters": ("auto", "characters"),
}
"""By what lengths are counted in: the tokenizers that make a token or more of each."""


@dataclass(frozen=True)
class Reach:
    """The most tokens that a network reads of a text, and what is done with longer ones of each side.

    `written`: targets are written by the network, and so are only too long to learn from, not to score on. `origin` is
    what sets the limit; `units` are what lengths may be counted in.
    """

    limit: int
    deeds: tuple[str, str]
    written: bool = True
    origin: str = "network.context"
    units: tuple[str, ...] = tuple(SPLITTING)


def findings_of_reach(
    statistics: PairStatistics, data: DataSettings, reach: Reach | None, is_train: bool
) -> Iterator[Finding]:
    """Rows of which a side has more words (or symbols, or characters) than the network reads tokens.

    A word is one token or more, so that these are long with any tokenizer; only a learnt one tells of the others.
    """
    if reach is None or (is_train and 0 < data.max_tokens <= reach.limit):
        return
    tokenizers = data.source_tokenizer, data.target_tokenizer
    for index, (side, unit, tokenizer) in enumerate(zip(SIDES, statistics.units, tokenizers, strict=True)):
        splits = unit in reach.units and tokenizer in SPLITTING.get(unit, ())
        if not splits or (index and reach.written and not is_train):
            continue
        long_rows = np.flatnonzero(np.asarray(statistics.lengths[index]) > reach.limit)
        if len(long_rows):
            limit = f"the {reach.limit:,} tokens that the network reads at once ({reach.origin})"
            text = f"{count(len(long_rows), 'pair')} whose {side} has more {unit} than {limit}"
            lines = tuple(statistics.where(int(row)) for row in long_rows[:FIRST])
            advice = f"{reach.deeds[index]} Others may be longer in tokens, too: training counts them."
            yield Finding("!", text, len(long_rows), lines, advice=advice)
