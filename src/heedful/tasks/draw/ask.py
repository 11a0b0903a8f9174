"""How trained generators of images are asked and scored: sentences become codes, and codes pictures.

N sources   H W sides in pixels   C colours   S codes of a picture
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from heedful.beam_tree import BeamTree
from heedful.data.pairs import prepared as pairs
from heedful.data.pairs.prepared import Prepared, open_run
from heedful.data.pictures.png import png
from heedful.data.pictures.read import Form, read_pictures
from heedful.data.tokenizers.special_tokens import EOS
from heedful.engines.writing import Guidance, PictureCodec, WritingEngine
from heedful.errors import HeedfulError, for_each, quote
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.generation.watching import watch
from heedful.metrics import baselines
from heedful.metrics.counts import Kind
from heedful.results import Answer, Example, Exhibits, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings
from heedful.tasks.answering import Answering
from heedful.tasks.draw import judge
from heedful.tasks.draw.code_ids import BEGIN, END, FIRST, PAD, format_codes, is_direct, parse_codes
from heedful.tasks.inputs import Preprocessor, Prints, load_text_preprocessor, source_seed
from heedful.tasks.long import Lengths
from heedful.tasks.manifests import describe_source, describe_special
from heedful.tasks.models import OnBad, TrainedModel
from heedful.tasks.seq2seq import log_probabilities

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.tasks.match.matcher import TrainedMatcher

SPECIAL = SpecialIds(BEGIN, END, suppressed=(PAD, BEGIN, END))
DRAWN_PROMPTS = 24  # prompts that a report shows drawings of


@dataclass(frozen=True)
class TrainedImageGenerator:
    """What reads sentences and writes codes, and the codec that makes pictures of them."""

    engine: WritingEngine
    codec: PictureCodec
    settings: NetworkSettings
    preprocessor: Preprocessor
    form: Form
    plan: None = None  # no published family draws


class DrawAnswering(Answering[Prepared, TrainedImageGenerator]):
    """Answers texts with pictures."""

    def answer(
        self, models: Sequence[TrainedImageGenerator], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """The n drawings of each sentence; an answer's text is its codes, its picture a PNG file.

        Guidance above 1 leads away from what would be drawn for no sentence at all (Ho & Salimans 2021, equation 6).
        """
        first = models[0]
        arrays, size = first.preprocessor.arrays(inputs), first.codec.positions
        arrays = first.preprocessor.cut(arrays, [model.engine.source_limit for model in models])
        guidance = Guidance(settings.guidance, np.array([EOS]))
        stepper = first.engine.stepper([model.engine for model in models], first.preprocessor.stack, SPECIAL, guidance)
        requests = [Request(array, max(len(array), size), size, source_seed(array)) for array in arrays]
        drawings = Search(stepper, settings, Rules()).run(requests)
        return [
            [readable_answer(first, source, hypothesis, unknown) for hypothesis in best]
            for source, best, unknown in zip(inputs, drawings, first.preprocessor.unknown_batch(inputs), strict=True)
        ]

    def score(self, models: Sequence[TrainedImageGenerator], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (sentence, drawing), which is given by its codes, as in the text of an answer."""
        first, engines = models[0], [model.engine for model in models]
        arrays = first.preprocessor.arrays([sentence for sentence, _ in pairs])
        arrays = first.preprocessor.cut(arrays, [engine.source_limit for engine in engines])
        drawings = for_each(lambda codes: token_ids(codes, first), [codes for _, codes in pairs])
        return log_probabilities(engines, first.preprocessor, arrays, drawings, SPECIAL)

    def tree(self, models: Sequence[TrainedImageGenerator], text: str, settings: GenerateSettings) -> BeamTree:
        """Of codes, which are called by their numbers."""
        with watch() as watched:
            [answers] = self.answer(models, [text], settings)
        outputs = [answer.output for answer in answers]
        return watched.tree(self.facts.verb, text, outputs, lambda ids: [str(i - FIRST) for i in ids], END)

    def evaluate(
        self,
        models: Sequence[TrainedImageGenerator],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: Prepared | None = None,
    ) -> Scores:
        """Where the real picture stands among all of the examples' when they are ordered by nearness to the drawing.

        Nearness is that of pixels: crude, but nobody's opinion. `judge` asks a network that was trained apart.
        """
        album = data.target if data else None
        return judge.score_by_pixels(
            examples, self.drawings(models, examples, settings), models[0].form, album, samples
        )

    def judge(
        self,
        models: Sequence[TrainedImageGenerator],
        examples: Sequence[Example],
        settings: GenerateSettings,
        judges: Sequence[TrainedModel],
    ) -> Scores:
        """Where the sentence stands among those of all examples, for matchers that look at the drawing.

        Beside it, the same for the real pictures (`ceiling_…`) and for drawings that were exchanged (`floor_…`).
        """
        drawings = self.drawings(models, examples, settings)
        real = read_pictures([example.references[0] for example in examples], models[0].form)
        matchers = cast("Sequence[TrainedMatcher]", judges)
        return judge.score_by_judges(examples, drawings, real, matchers, settings.batch_tokens)

    def drawings(
        self, models: Sequence[TrainedImageGenerator], examples: Sequence[Example], settings: GenerateSettings
    ) -> np.ndarray:
        """The first drawing of each example, (N, H, W, C)."""
        answers = self.answer(models, [example.source for example in examples], replace(settings, n_best=1))
        return models[0].codec.decode(parse_codes([best[0].output for best in answers]))

    def baseline(self, model: TrainedImageGenerator, data: Prepared, examples: Sequence[Example]) -> tuple[str, Scores]:
        """What needs no network: the picture of the training sentence that is nearest in its letters."""
        rows = [data.train[row] for row in range(len(data.train))]
        nearest = baselines.Nearest(data.texts(0), [str(int(picture[0])) for _, picture in rows])
        numbers = np.array([int(number) for number in nearest.answers([example.source for example in examples])])
        scores = judge.score_by_pixels(examples, data.target.pixels(numbers), model.form, data.target, 1000)
        return f"picture of the nearest training sentence{nearest.part}", scores

    def kind(self, model: TrainedImageGenerator) -> Kind:
        """How answers are scored: by where the right one stands among all."""
        return "ranks"

    def can_answer_together(self, model: TrainedImageGenerator, other: TrainedImageGenerator) -> bool:
        """Whether two models can draw together: they need one codebook, which two runs never share."""
        return all(is_direct(int(drawer.settings.codes), drawer.form) for drawer in (model, other))

    def open_data(self, folder: Path) -> Prepared | None:
        return open_run(folder)

    def examples(
        self, model: TrainedImageGenerator, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        return pairs.examples(files, settings, on_bad, pictures=True, swap_sides=True)

    def example_notes(self, model: TrainedImageGenerator, files: Sequence[str], settings: DataSettings) -> list[str]:
        return pairs.example_notes(files, settings, swap_sides=True)

    def lengths(self, models: Sequence[TrainedImageGenerator], inputs: Sequence[str]) -> Lengths | None:
        return models[0].preprocessor.lengths(inputs, [model.engine.source_limit for model in models])

    def exhibits(self, models: Sequence[TrainedImageGenerator], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """What a report shows beside the numbers: drawings, the real pictures, and these as their codes give them
        back, which is about the best that codes can draw.
        """
        answers = self.answer(models, [case.source for case in scores.cases[:DRAWN_PROMPTS]], settings)
        references = [reference for case in scores.cases for reference in case.references]
        codec, form = models[0].codec, models[0].form
        through_codes = Prints(references, form, lambda pictures: codec.decode(codec.encode(pictures)))
        drawings = [drawing for best in answers for drawing in best]
        return Exhibits("drawings", Prints(references, form), through_codes, answers=drawings)

    def config(self, model: TrainedImageGenerator) -> dict[str, Any]:
        """What `Learning.load` must know beside the weights and the tokenizer."""
        return {"network": asdict(model.settings), "picture": model.form.plain()} | model.preprocessor.config()

    def save(self, model: TrainedImageGenerator, folder: Path) -> None:
        model.preprocessor.tokenizer.save(folder / "tokenizer.json")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedImageGenerator:
        preprocessor = load_text_preprocessor(config, folder / "tokenizer.json")
        settings, form = NetworkSettings(**config["network"]), Form.parse(config["picture"])
        return TrainedImageGenerator(engine.writer(), engine.codec(), settings, preprocessor, form)

    def by_engine(self, model: TrainedImageGenerator, engine: "Engine") -> TrainedImageGenerator:
        return replace(model, engine=engine.writer(), codec=engine.codec())

    def manifest(self, model: TrainedImageGenerator, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        source = {"source": describe_source(model.preprocessor, folder, model.engine.source_limit)}
        return source | describe_special(SPECIAL) | {"first": FIRST, "length": model.codec.positions}


def token_ids(text: str, model: TrainedImageGenerator) -> list[int]:
    """The token ids of a drawing's codes; raises HeedfulError for a text that is not as many codes as a drawing has."""
    size, words = model.codec.positions, text.split()
    highest = model.engine.vocabulary - FIRST
    if len(words) != size or not all(word.isdecimal() and int(word) < highest for word in words):
        cure = f"It has {size} codes from 0 to {highest - 1}, as predict gives them."
        raise HeedfulError(f"{quote(text)} is no drawing of this model.", cure)
    return [FIRST + int(word) for word in words]


def readable_answer(
    model: TrainedImageGenerator, source: str, hypothesis: Hypothesis, unknown: tuple[str, ...]
) -> Answer:
    """A hypothesis as people see it; `unknown` is what its source holds of that."""
    codes = np.array([hypothesis.tokens]) - FIRST
    return Answer(
        source,
        format_codes(hypothesis.tokens),
        hypothesis.score,
        hypothesis.normalised,
        unknown=unknown,
        picture=png(model.codec.decode(codes)[0]),
    )
