"""How pictures and texts in one space are scored: by where the right ones stand, and by which class is nearest.

P pictures   M texts
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heedful.data.pairs.prepared import Prepared
from heedful.metrics.baselines import NearestPicture
from heedful.metrics.classes import evaluate_classes
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores

TOLD = ("accuracy", "macro_f1")
"""What is told of classes beside recall: the rest of their measures says the same, or needs probabilities."""


def both_ways(alike: np.ndarray, examples: Sequence[Example], samples: int) -> Scores:
    """Where each picture's texts stand, given cosines (P, M); and, as `reverse_…`, the other way round.

    Where the texts are classes, which several pictures share, also how many pictures are nearest to the name of theirs,
    which was never taught: zero-shot (Radford et al. 2021, section 3.1).
    """
    pictures, texts, right = gallery(examples)
    scores = ranked(alike, right, pictures, texts, samples)
    mirrored = [{row for row, columns in enumerate(right) if place in columns} for place in range(len(texts))]
    back = ranked(alike.T, mirrored, texts, pictures, samples)
    reverse = {f"reverse_{name}": replace(one, name=f"reverse_{name}") for name, one in back.measures.items()}
    scores = replace(scores, measures=scores.measures | reverse)
    if not are_classes(examples, texts):
        return scores
    shares = np.exp(alike - alike.max(axis=1, keepdims=True))
    found = evaluate_classes(pictures, texts, shares, [one.references for one in examples], samples=samples)
    told = {f"zero_shot_{name}": replace(found.measures[name], name=f"zero_shot_{name}") for name in TOLD}
    return replace(scores, measures=scores.measures | told, confusion=found.confusion, by_class=found.by_class)


def by_words(prepared: Prepared, examples: Sequence[Example]) -> Scores:
    """Where each picture's texts stand, ordered by how many words they share with the nearest training picture's."""
    train, (pictures, texts, right) = prepared.train, gallery(examples)
    pairs = [train[row] for row in range(len(train))]
    numbers = np.concatenate([one for one, _ in pairs]).astype(np.int64)
    said = [prepared.target.decode(words) for _, words in pairs]
    nearest = NearestPicture(prepared.source.pixels(numbers), said).answers(prepared.source.of(pictures))
    words = [set(text.split()) for text in texts]
    told = [set(text.split()) for text in nearest]
    alike = np.array([[len(one & other) / max(1, len(one | other)) for other in words] for one in told])
    return ranked(alike, right, pictures, texts, 1000)


def are_classes(examples: Sequence[Example], texts: Sequence[str]) -> bool:
    """Whether texts are names of classes: each picture has one, and each goes with two pictures or more on average."""
    return 1 < len(texts) <= len(examples) / 2 and all(len(one.references) == 1 for one in examples)


def gallery(examples: Sequence[Example]) -> tuple[list[str], list[str], list[set[int]]]:
    """Pictures, all different texts, and which texts are right for each picture."""
    texts = list(dict.fromkeys(text for example in examples for text in example.references))
    places = {text: place for place, text in enumerate(texts)}
    right = [{places[text] for text in example.references} for example in examples]
    return [example.source for example in examples], texts, right


def ranked(
    alike: np.ndarray, right: list[set[int]], asked: Sequence[str], found: Sequence[str], samples: int
) -> Scores:
    """Scores of the places at which the right ones stand; cases show what was found first."""
    places = [str(place) for place in ranks(alike, right)]
    scores = measure("ranks", asked, places, [("1",)] * len(asked), samples=samples)
    first = [found[column] for column in alike.argmax(1)]
    wanted = [tuple(found[column] for column in sorted(columns)) for columns in right]
    cases = zip(scores.cases, first, wanted, strict=True)
    return replace(scores, cases=tuple(replace(case, said=one, references=refs) for case, one, refs in cases))
