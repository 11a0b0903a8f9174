"""How drawings are judged: by what they are taken for among the pictures or the words of all examples.

N examples   M pictures   H W sides in pixels   C colours
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heedful.data.pictures.album import Album
from heedful.data.pictures.read import Form, read_pictures
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores
from heedful.tasks.match.matcher import TrainedMatcher, embed_images, embed_texts


def score_by_pixels(
    examples: Sequence[Example], drawings: np.ndarray, form: Form, album: Album | None, samples: int
) -> Scores:
    """Scores of drawings (N, H, W, C) by where the real picture stands in the order of nearness to the drawing."""
    real = [example.references[0] for example in examples]
    gallery = list(dict.fromkeys(real))
    pixels = album.of(gallery) if album else read_pictures(gallery, form)
    nearness = -squared_distances(drawings, pixels)
    right = [{index for index, name in enumerate(gallery) if name in example.references} for example in examples]
    taken_for = [gallery[index] for index in nearness.argmax(1)]
    return score_ranks(examples, ranks(nearness, right), taken_for, samples)


def squared_distances(drawings: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The squared distance (N, M), exact, of each drawing (N, H, W, C) and each picture (M, H, W, C), of bytes."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    squares, rows = (flat * flat).sum(1), drawings.reshape(len(drawings), -1)
    distances = np.empty((len(drawings), len(pixels)))
    for first in range(0, len(rows), AT_ONCE):
        part = rows[first : first + AT_ONCE].astype(np.float64)
        distances[first : first + AT_ONCE] = (part * part).sum(1)[:, None] - 2 * part @ flat.T + squares
    return distances


AT_ONCE = 256  # drawings whose pixels are held as numbers


def score_by_judges(
    examples: Sequence[Example], drawings: np.ndarray, real: np.ndarray, judges: Sequence[TrainedMatcher], budget: int
) -> Scores:
    """Scores of drawings (N, H, W, C) by where their sentence stands for matchers, beside ceiling and floor."""
    texts = [example.source for example in examples]
    references = [set(example.references) for example in examples]
    right = [{index for index, words in enumerate(references) if words & reference} for reference in references]
    words = [embed_texts(judge, texts, budget) for judge in judges]

    def judge_pictures(pictures: np.ndarray, prefix: str = "") -> Scores:
        pairs = zip(judges, words, strict=True)
        cosines = np.mean([embed_images(judge, pictures, budget) @ vectors.T for judge, vectors in pairs], axis=0)
        scores = score_ranks(examples, ranks(cosines, right), [texts[index] for index in cosines.argmax(1)], 1000)
        measures = {f"{prefix}{name}": value for name, value in scores.measures.items()}
        return replace(scores, measures={name: replace(value, name=name) for name, value in measures.items()})

    scores, exchanged = judge_pictures(drawings), np.roll(drawings, 1, axis=0)
    bounds = judge_pictures(real, "ceiling_").measures | judge_pictures(exchanged, "floor_").measures
    return replace(scores, measures=scores.measures | bounds)


def score_ranks(
    examples: Sequence[Example], ranks_of_right: Sequence[int], taken_for: Sequence[str], samples: int
) -> Scores:
    """Scores of ranks; cases say what each drawing was taken for."""
    sources = [example.source for example in examples]
    scores = measure(
        "ranks", sources, [str(rank) for rank in ranks_of_right], [("1",)] * len(ranks_of_right), samples=samples
    )
    cases = zip(scores.cases, taken_for, examples, strict=True)
    return replace(
        scores,
        cases=tuple(replace(case, said=text, references=example.references) for case, text, example in cases),
    )
