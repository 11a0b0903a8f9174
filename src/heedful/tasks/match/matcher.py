"""A trained matcher, and the vectors that it gives pictures and texts.

P pictures   M texts   D width
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from heedful.data.pictures.album import Album
from heedful.data.pictures.modes import to_mode
from heedful.data.pictures.read import as_array, fit_square
from heedful.engines.matching import MatchingEngine
from heedful.engines.reading import ReadingEngine
from heedful.errors import HeedfulError
from heedful.results import Answer
from heedful.schema import GenerateSettings, NetworkSettings
from heedful.tasks.inputs import Preprocessor

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class TrainedMatcher:
    """Two towers into one space, with what it takes to read both sides. `texts` are those seen in training.

    `note`: what is said before it is asked.
    """

    engine: MatchingEngine
    settings: NetworkSettings
    pictures: Preprocessor
    words: Preprocessor
    texts: tuple[str, ...]
    plan: "Plan | None" = None
    note: str = ""

    @property
    def of_texts(self) -> bool:
        """Whether both sides are texts: `pictures` reads what is found, `words` what is looked for."""
        return not self.pictures.positions


def candidate_texts(models: Sequence[TrainedMatcher], among: Sequence[str]) -> list[str]:
    """The texts to choose among: `among`, or else those of training; raises HeedfulError if there are none."""
    texts = list(dict.fromkeys(among)) or list(models[0].texts)
    if not texts:
        raise HeedfulError(
            "This model keeps no texts of its own to choose among.", 'Name some, as --among "a cat" "a dog".'
        )
    return texts


def best_texts(
    models: Sequence[TrainedMatcher], cosines: np.ndarray, pictures: Sequence[str], texts: Sequence[str], best: int
) -> list[list[Answer]]:
    """The best texts for each picture by cosines (P, M).

    An answer's score is the logarithm of its share: a softmax over all texts at the learned temperature.
    """
    logits = cosines.astype(np.float64) * np.mean([model.engine.scale for model in models])
    logits -= logits.max(axis=1, keepdims=True)
    log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    order = np.argsort(-log_shares, axis=1, kind="stable")[:, :best]
    scores = np.take_along_axis(log_shares, order, axis=1)
    rows = zip(pictures, order.tolist(), scores.tolist(), strict=True)
    return [
        [Answer(picture, texts[int(column)], score, score) for column, score in zip(columns, shares, strict=True)]
        for picture, columns, shares in rows
    ]


def similarity(
    models: Sequence[TrainedMatcher],
    pictures: Sequence[str],
    texts: Sequence[str],
    settings: GenerateSettings,
    album: Album | None = None,
) -> np.ndarray:
    """Cosines (P, M) of pictures and texts; several models give the mean of theirs."""
    budget = settings.batch_tokens
    cosines = [
        embed_pictures(model, pictures, budget, album) @ embed_in_templates(model, texts, settings).T
        for model in models
    ]
    return np.mean(cosines, axis=0)


def embed_in_templates(model: TrainedMatcher, texts: Sequence[str], settings: GenerateSettings) -> np.ndarray:
    """Unit vectors (M, D) of texts, each put into the templates; of several, the mean (Radford et al. 2021, 3.1.4)."""
    if not settings.template:
        return embed_texts(model, texts, settings.batch_tokens)
    vectors = [
        embed_texts(model, [template.replace("{}", text) for text in texts], settings.batch_tokens)
        for template in settings.template
    ]
    mean = np.mean(vectors, axis=0)
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), SMALLEST)


SMALLEST = np.float32(1e-12)  # length that a vector is divided by


def embed_texts(model: TrainedMatcher, texts: Sequence[str], budget: int) -> np.ndarray:
    """Unit vectors (M, D) of texts, in batches of at most `budget` positions."""
    return embed_sources(model.engine.texts, model.engine.width, model.words, texts, budget)


def embed_pictures(
    model: TrainedMatcher, pictures: Sequence[str], budget: int, album: Album | None = None
) -> np.ndarray:
    """Unit vectors (P, D) of pictures by reference."""
    return embed_sources(model.engine.pictures, model.engine.width, model.pictures, pictures, budget, album)


def embed_sources(
    engine: ReadingEngine,
    width: int,
    preprocessor: Preprocessor,
    sources: Sequence[str],
    budget: int,
    album: Album | None = None,
) -> np.ndarray:
    """Unit vectors (N, D) of sources of one side."""
    vectors = np.zeros((len(sources), width), np.float32)
    for rows, (source, lengths) in preprocessor.stacks(sources, budget, [engine.limit], album):
        vectors[rows] = engine(source, lengths)
    return vectors


def embed_images(model: TrainedMatcher, images: Iterable[np.ndarray], budget: int) -> np.ndarray:
    """Unit vectors (P, D) of pictures (H, W, C) that are in no file, made to the form that the network reads."""
    form = model.pictures.form
    squares = [fit_square(to_mode(Image.fromarray(image.squeeze()), form.mode), form) for image in images]
    return embed_pixels(model, np.stack([as_array(image) for image in squares]), budget)


def embed_pixels(model: TrainedMatcher, pixels: np.ndarray, budget: int) -> np.ndarray:
    """Unit vectors (P, D) of pictures (P, H, W, C) in the form that the network reads."""
    positions = model.pictures.positions
    at_once = max(1, budget // positions)
    vectors = np.zeros((len(pixels), model.engine.width), np.float32)
    for first in range(0, len(pixels), at_once):
        part = pixels[first : first + at_once]
        vectors[first : first + at_once] = model.engine.pictures(part, np.full(len(part), positions))
    return vectors
