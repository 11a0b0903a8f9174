"""Scores of tagged words that mark no entities, such as parts of speech."""

from collections.abc import Sequence

import numpy as np

from heedful.metrics.classes import f1_counts
from heedful.metrics.counts import Counts, Grouped, MultiHot, References
from heedful.metrics.segments import accuracy_counts, nearest_references


def tag_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    r"""Accuracy of words and the macro F1 of their tags, in percent, over the words of all sequences.

    Answers and references are tags joined by tabs, as `segments.step_counts` has them; macro F1 is the mean over the
    tags that are there to be found. Examples, not words, are what an interval draws anew.

    >>> [(one.name, round(one.value(), 1)) for one in tag_counts(["A\tB", "A"], [("A\tA",), ("A",)])]
    [('accuracy', 66.7), ('macro_f1', 80.0)]
    """
    pairs = nearest_references(outputs, references)
    answered = [tag for predicted, _ in pairs for tag in predicted]
    true = [(tag,) for _, truth in pairs for tag in truth]
    words, groups = f1_counts(answered, true), np.repeat(np.arange(len(pairs)), [len(truth) for _, truth in pairs])
    assert isinstance(words.rows, MultiHot), "a word has one tag"
    macro = Counts(words.name, Grouped(words.rows, groups, len(pairs)), words.score)
    return [accuracy_counts(pairs), macro]
