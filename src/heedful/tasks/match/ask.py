"""match: pictures and texts in one space; what belongs together is near.

N sources   P pictures   M texts   D width   H W sides in pixels   C colours
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from heedful.data.pairs import prepared as pairs
from heedful.data.pairs.prepared import Prepared
from heedful.data.pictures.album import Album
from heedful.data.pictures.read import as_array, fit_square, to_mode
from heedful.engines.matching import MatchingEngine
from heedful.engines.reading import ReadingEngine
from heedful.errors import HeedfulError
from heedful.metrics.counts import Kind
from heedful.results import Answer, Example, Exhibits, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings
from heedful.tasks.inputs import Reading
from heedful.tasks.manifests import describe_source
from heedful.tasks.match.rank import list_gallery, rank_both_ways, rank_by_shared_words
from heedful.tasks.pretrained import plan_config
from heedful.tasks.task import Answering, Finder, OnBad, SourceKind

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class TrainedMatcher:
    """Two towers into one space, with what it takes to read both sides. `texts` are those seen in training."""

    engine: MatchingEngine
    settings: NetworkSettings
    pictures: Reading
    words: Reading
    texts: tuple[str, ...]
    plan: "Plan | None" = None


class MatchAnswering(Answering[Prepared, TrainedMatcher]):
    """Texts are chosen for pictures, and pictures for texts, by the cosine of their vectors."""

    def answer(
        self, models: Sequence[TrainedMatcher], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """The n best texts of training for each picture; raises HeedfulError where there are none."""
        texts = candidate_texts(models, ())
        return best_texts(models, similarity(models, inputs, texts, settings), inputs, texts, settings.n_best)

    def score(self, models: Sequence[TrainedMatcher], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The cosine of each (picture, text)."""
        pictures, texts = [picture for picture, _ in pairs], [text for _, text in pairs]
        return np.diagonal(similarity(models, pictures, texts, GenerateSettings())).tolist()

    def evaluate(
        self,
        models: Sequence[TrainedMatcher],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: Prepared | None = None,
    ) -> Scores:
        """Where each picture's words stand among all words of the examples, and the other way round.

        See `rank_both_ways`.
        """
        pictures, texts, _ = list_gallery(examples)
        album = data.source if data else None
        return rank_both_ways(similarity(models, pictures, texts, settings, album), examples, samples)

    def baseline(
        self, model: TrainedMatcher, data: Prepared, examples: Sequence[Example]
    ) -> tuple[str, dict[str, Measure]]:
        """What needs no network: texts ordered by how many words they share with the nearest training picture's."""
        return "nearest training picture", rank_by_shared_words(data, examples).measures

    def kind(self, model: TrainedMatcher) -> Kind:
        """How answers are scored: by where the right one stands."""
        return "ranks"

    def together(self, model: TrainedMatcher, other: TrainedMatcher) -> bool:
        """Whether two matchers can answer together: any can, since only cosines are averaged."""
        return True

    def open_data(self, folder: Path) -> Prepared | None:
        """The pairs that were prepared in a run's folder, if they are still there."""
        return pairs.open_run(folder)

    def examples(
        self, model: TrainedMatcher, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        """What to answer in these files, and everything that counts as right."""
        return pairs.examples(files, settings, on_bad, pictures=True)

    def source_kind(self, model: TrainedMatcher) -> SourceKind:
        """What the model is asked with."""
        return "picture"

    def exhibits(self, models: Sequence[TrainedMatcher], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """What a report shows beside the numbers: the pictures of scored examples."""
        return Exhibits("matches", pictures=models[0].pictures.prints(case.source for case in scores.cases))

    def config(self, model: TrainedMatcher) -> dict[str, Any]:
        """What `MatchLearning.load` must know beside the weights, the tokenizer and the texts."""
        network = {"network": asdict(model.settings)}
        return network | model.pictures.config() | model.words.config() | plan_config(model.plan)

    def save(self, model: TrainedMatcher, folder: Path) -> None:
        """Writes the tokenizer and the texts; the caller writes config and weights."""
        model.words.tokenizer.save(folder / "tokenizer.json")
        (folder / "texts.json").write_text(json.dumps(model.texts, ensure_ascii=False), encoding="utf-8")

    def manifest(self, model: TrainedMatcher, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """What one must know beside exported graphs."""
        sides = {"pictures": describe_source(model.pictures, folder), "texts": describe_source(model.words, folder)}
        return sides | {"scale": model.engine.scale}

    def unknown(self, model: TrainedMatcher, text: str) -> tuple[str, ...]:
        """The pieces of a text that the model's vocabulary does not have."""
        return model.words.unknown(text)

    def finder(self, models: Sequence[TrainedMatcher]) -> Finder:
        """What finds pictures by words, and words for pictures."""
        from heedful.tasks.match.search import PictureFinder  # which asks this module for vectors

        return PictureFinder(models)


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
    engine: ReadingEngine, width: int, reading: Reading, sources: Sequence[str], budget: int, album: Album | None = None
) -> np.ndarray:
    """Unit vectors (N, D) of sources of one side."""
    vectors = np.zeros((len(sources), width), np.float32)
    for rows, (source, lengths) in reading.stacks(sources, budget, [engine.limit], album):
        vectors[rows] = engine(source, lengths)
    return vectors


def embed_images(model: TrainedMatcher, images: Iterable[np.ndarray], budget: int) -> np.ndarray:
    """Unit vectors (P, D) of pictures (H, W, C) that are in no file, made to the form that the network reads."""
    form = model.pictures.form
    fitted = [fit_square(to_mode(Image.fromarray(image.squeeze()), form.mode), form) for image in images]
    return embed_pixels(model, np.stack([as_array(image) for image in fitted]), budget)


def embed_pixels(model: TrainedMatcher, pixels: np.ndarray, budget: int) -> np.ndarray:
    """Unit vectors (P, D) of pictures (P, H, W, C) in the form that the network reads."""
    positions = model.pictures.positions
    at_once = max(1, budget // positions)
    vectors = np.zeros((len(pixels), model.engine.width), np.float32)
    for first in range(0, len(pixels), at_once):
        part = pixels[first : first + at_once]
        vectors[first : first + at_once] = model.engine.pictures(part, np.full(len(part), positions))
    return vectors
