"""match: pictures and texts in one space; what belongs together is near.

N sources   P pictures   M texts   D width   H W sides in pixels   C colours
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.data.pairs import prepared as pairs
from heedful.data.pairs.prepared import Prepared
from heedful.errors import HeedfulError
from heedful.metrics.counts import Kind
from heedful.results import Answer, Example, Exhibits, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings
from heedful.tasks.answering import Answering, Finder
from heedful.tasks.facts import SourceKind
from heedful.tasks.inputs import Preprocessor, load_preprocessor, load_text_preprocessor
from heedful.tasks.long import Lengths
from heedful.tasks.manifests import describe_source, plan_config
from heedful.tasks.match.matcher import TrainedMatcher, best_texts, candidate_texts, similarity
from heedful.tasks.match.rank import list_gallery, rank_both_ways, rank_by_nearest
from heedful.tasks.match.search import PictureFinder
from heedful.tasks.models import OnBad

if TYPE_CHECKING:
    from heedful.engines.engine import Engine


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

    def baseline(self, model: TrainedMatcher, data: Prepared, examples: Sequence[Example]) -> tuple[str, Scores]:
        """What needs no network: texts ordered by how many words they share with the nearest training picture's."""
        return rank_by_nearest(data, examples)

    def kind(self, model: TrainedMatcher) -> Kind:
        """How answers are scored: by where the right one stands."""
        return "ranks"

    def can_answer_together(self, model: TrainedMatcher, other: TrainedMatcher) -> bool:
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

    def contents(self, model: TrainedMatcher, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        return model.pictures.contents(examples)

    def example_notes(self, model: TrainedMatcher, files: Sequence[str], settings: DataSettings) -> list[str]:
        return pairs.example_notes(files, settings)

    def example_lengths(self, models: Sequence[TrainedMatcher], examples: Sequence[Example]) -> Lengths | None:
        """Of the texts of examples: the longest of each picture's."""
        limits = [model.engine.texts.limit for model in models]
        lengths = models[0].words.lengths([text for example in examples for text in example.references], limits)
        if lengths is None:
            return None
        ends = np.cumsum([0, *(len(example.references) for example in examples)])
        longest = [int(lengths.counts[low:high].max(initial=0)) for low, high in pairwise(ends)]
        return Lengths(np.array(longest, np.int64), lengths.limit)

    def source_kind(self, model: TrainedMatcher) -> SourceKind:
        """What the model is asked with."""
        return "text" if model.of_texts else "picture"

    def exhibits(self, models: Sequence[TrainedMatcher], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """What a report shows beside the numbers: the pictures of scored examples."""
        return Exhibits("matches", pictures=models[0].pictures.prints(case.source for case in scores.cases))

    def config(self, model: TrainedMatcher) -> dict[str, Any]:
        """What `MatchLearning.load` must know beside the weights, the tokenizer and the texts."""
        network = {"network": asdict(model.settings)}
        return network | model.pictures.config() | model.words.config() | plan_config(model.plan)

    def save(self, model: TrainedMatcher, folder: Path) -> None:
        """Writes the tokenizer and the texts; the caller writes config and weights."""
        if model.of_texts:
            raise HeedfulError(
                "An encoder of texts is kept in the folder that it was published in.", "Copy that folder."
            )
        model.words.tokenizer.save(folder / "tokenizer.json")
        (folder / "texts.json").write_text(json.dumps(model.texts, ensure_ascii=False), encoding="utf-8")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedMatcher:
        settings = NetworkSettings(**config["network"])
        return TrainedMatcher(engine.matcher(), settings, *load_sides(config, folder))

    def by_engine(self, model: TrainedMatcher, engine: "Engine") -> TrainedMatcher:
        return replace(model, engine=engine.matcher())

    def manifest(self, model: TrainedMatcher, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """What one must know beside exported graphs."""
        pictures = describe_source(model.pictures, folder, None)
        sides = {"pictures": pictures, "texts": describe_source(model.words, folder, model.engine.texts.limit)}
        return sides | {"scale": model.engine.scale}

    def unknown(self, model: TrainedMatcher, text: str) -> tuple[str, ...]:
        """The pieces of a text that the model's vocabulary does not have."""
        return model.words.unknown(text)

    def finder(self, models: Sequence[TrainedMatcher]) -> Finder:
        """What finds pictures by words, and words for pictures."""
        return PictureFinder(models)


def load_sides(config: dict[str, Any], folder: Path) -> tuple[Preprocessor, Preprocessor, tuple[str, ...]]:
    """How the model of a run's folder reads pictures and words, and the texts that it knows."""
    pictures = load_preprocessor(config, folder / "tokenizer.json")
    words = load_text_preprocessor(config, folder / "tokenizer.json")
    return pictures, words, tuple(json.loads((folder / "texts.json").read_text(encoding="utf-8")))
