"""How pictures and texts in one space are scored: by where the right ones stand, and by which class is nearest.

P pictures   M texts
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from heedful.data.pairs.prepared import Prepared
from heedful.metrics.classes import evaluate_classes
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores
from heedful.tasks.nearest import nearest_picture

CLASS_MEASURES = ("accuracy", "macro_f1")
"""What is reported of classes beside recall: the rest of their measures says the same, or needs probabilities."""


def rank_both_ways(cosines: np.ndarray, examples: Sequence[Example], samples: int) -> Scores:
    """Where each picture's texts stand, given cosines (P, M); and, as `reverse_…`, the other way round.

    Where the texts are classes, which several pictures share, also how many pictures are nearest to the name of theirs,
    which was never taught: zero-shot (Radford et al. 2021, section 3.1).
    """
    pictures, texts, right = list_gallery(examples)
    scores = score_ranks(cosines, right, pictures, texts, samples)
    transposed = [{row for row, columns in enumerate(right) if column in columns} for column in range(len(texts))]
    reverse_scores = score_ranks(cosines.T, transposed, texts, pictures, samples)
    reverse = {
        f"reverse_{name}": replace(value, name=f"reverse_{name}") for name, value in reverse_scores.measures.items()
    }
    scores = replace(scores, measures=scores.measures | reverse)
    if not are_classes(examples, texts):
        return scores
    probabilities = np.exp(cosines - cosines.max(axis=1, keepdims=True))
    references = [example.references for example in examples]
    classes = evaluate_classes(pictures, texts, probabilities, references, samples=samples)
    zero_shot = {
        f"zero_shot_{name}": replace(classes.measures[name], name=f"zero_shot_{name}") for name in CLASS_MEASURES
    }
    return replace(scores, measures=scores.measures | zero_shot, confusion=classes.confusion, by_class=classes.by_class)


def rank_by_nearest(prepared: Prepared, examples: Sequence[Example]) -> tuple[str, Scores]:
    """Where each picture's texts stand, ordered by how many words they share with the nearest training picture's.

    And the way in which pictures are compared: of two, the better on the validation side.
    """

    def choose(valid: Sequence[Example], answers: Mapping[str, Sequence[str]]) -> str:
        scores = {name: rank_by_shared_words(valid, texts, 0) for name, texts in answers.items()}
        return max(answers, key=lambda name: scores[name].measures[scores[name].primary].value)

    name, nearest = nearest_picture(prepared, prepared.texts(1), choose)
    answers = nearest.answers(prepared.source.of([example.source for example in examples]))
    return name, rank_by_shared_words(examples, answers, 1000)


def rank_by_shared_words(examples: Sequence[Example], nearest: Sequence[str], samples: int) -> Scores:
    """Where each picture's texts stand, ordered by how many words they share with what is `nearest` to it."""
    pictures, texts, right = list_gallery(examples)
    words_of_texts = [set(text.split()) for text in texts]
    words_of_nearest = [set(text.split()) for text in nearest]
    shared = np.array(
        [[len(near & words) / max(1, len(near | words)) for words in words_of_texts] for near in words_of_nearest]
    )
    return score_ranks(shared, right, pictures, texts, samples)


def are_classes(examples: Sequence[Example], texts: Sequence[str]) -> bool:
    """Whether texts are names of classes: each picture has one, and each goes with two pictures or more on average."""
    return 1 < len(texts) <= len(examples) / 2 and all(len(example.references) == 1 for example in examples)


def list_gallery(examples: Sequence[Example]) -> tuple[list[str], list[str], list[set[int]]]:
    """Pictures, all different texts, and which texts are right for each picture."""
    texts = list(dict.fromkeys(text for example in examples for text in example.references))
    columns = {text: column for column, text in enumerate(texts)}
    right = [{columns[text] for text in example.references} for example in examples]
    return [example.source for example in examples], texts, right


def score_ranks(
    similarity: np.ndarray, right: list[set[int]], sources: Sequence[str], targets: Sequence[str], samples: int
) -> Scores:
    """Scores of the ranks at which the right targets stand; cases show the target that stands first."""
    right_ranks = [str(rank) for rank in ranks(similarity, right)]
    scores = measure("ranks", sources, right_ranks, [("1",)] * len(sources), samples=samples)
    first = [targets[column] for column in similarity.argmax(1)]
    references = [tuple(targets[column] for column in sorted(columns)) for columns in right]
    cases = zip(scores.cases, first, references, strict=True)
    return replace(scores, cases=tuple(replace(case, said=best, references=refs) for case, best, refs in cases))
