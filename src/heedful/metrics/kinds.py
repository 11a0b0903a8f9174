"""Every kind of answer, and the measures that it is counted by."""

from collections.abc import Sequence

from heedful.metrics.captions import caption_counts
from heedful.metrics.classes import class_counts
from heedful.metrics.counts import Counts, Kind, References, check_scorable
from heedful.metrics.entities import entity_counts
from heedful.metrics.passages import gap_counts, passage_counts
from heedful.metrics.ranks import rank_counts
from heedful.metrics.segments import step_counts
from heedful.metrics.tags import tag_counts
from heedful.metrics.text import symbol_counts, text_counts, word_counts


def count(kind: Kind, outputs: Sequence[str], references: References, ter: bool = True) -> dict[str, Counts]:
    """The counts of every measure of `kind`, by name; raises HeedfulError if there is nothing to score.

    An answer is a text whatever its kind: symbols or words with spaces between them, a single word, the name of a
    class, a caption, the labels of steps, the tags of words, what gaps are filled with, or a number in digits: how many
    places down the first right thing was found (ranks), how surprising a text is (passages). ter=False leaves TER out,
    which is slow on long texts.

    >>> count("ranks", ["1", "7"], [("1",), ("1",)])["recall_at_5"].value()
    50.0
    """
    check_scorable(outputs, references)
    return {measure.name: measure for measure in counts_of_kind(kind, outputs, references, ter)}


def counts_of_kind(kind: Kind, outputs: Sequence[str], references: References, ter: bool) -> list[Counts]:
    """The counts of every measure of `kind`."""
    match kind:
        case "symbols":
            return symbol_counts(outputs, references)
        case "words":
            return word_counts(outputs, references)
        case "text":
            return text_counts(outputs, references, ter)
        case "classes":
            return class_counts(outputs, references)
        case "captions":
            return caption_counts(outputs, references)
        case "steps":
            return step_counts(outputs, references)
        case "tags":
            return tag_counts(outputs, references)
        case "entities":
            return entity_counts(outputs, references)
        case "ranks":
            return rank_counts(outputs)
        case "passages":
            return passage_counts(outputs, references)
        case "gaps":
            return gap_counts(outputs, references)
