"""draw, many to one: a sentence in, a picture out. First pictures become codes, then sentences become codes.

N sources   H W sides in pixels   C colours   S codes of a picture
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heedful.blocks.codebook import GrayLevels
from heedful.blocks.state import State
from heedful.data import batching
from heedful.data.batching import Rows
from heedful.data.pairs import prepared as preparing
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import open_run as opened
from heedful.data.pictures.read import Form, read_pictures
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.data.tokenizers.special_tokens import EOS
from heedful.engines.onnx_graphs import Graph, paint_graph, writer_graphs
from heedful.engines.plain import PlainStepper
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.metrics import baselines
from heedful.metrics.counts import PRIMARY, Kind
from heedful.networks.joins import Drawing
from heedful.results import Answer, Example, Exhibits, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, TrainSettings, parse_settings
from heedful.tasks import inputs as reading
from heedful.tasks import seq2seq as writing
from heedful.tasks.draw import codes
from heedful.tasks.draw import judge as retrieval
from heedful.tasks.joins import JOINS
from heedful.tasks.made_up import made_up_sources
from heedful.tasks.manifests import describe_source, describe_special
from heedful.tasks.match.ask import TrainedMatcher
from heedful.tasks.pretrained import Given
from heedful.tasks.training_sources import batch_of, pretrained_of, training_sources
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["opened"]

SPECIAL = SpecialIds(codes.BEGIN, codes.END, suppressed=(codes.PAD, codes.BEGIN, codes.END))
OWN = {"codes": "auto"}
SAMPLED = {"sample": True, "top_k": 64, "guidance": 3.0}
"""What Generate means for drawings where the recipe does not say otherwise."""
LEARNT = {"label_smoothing": 0.0}
"""The same of Train: of a thousand codes, a tenth of the mass on wrong ones is much when one is drawn by lot."""
SHARE = 0.2  # of the budget, for the codebook


@dataclass(frozen=True)
class Artist:
    """A network with what it takes to read sentences and to show drawings."""

    network: Drawing
    settings: NetworkSettings
    reading: reading.Reading
    form: Form
    plan: None = None  # no published family draws


def given(model: Artist) -> Given:
    """What goes with an artist's weights."""
    return replace(pretrained_of(model.reading), form=model.form, codes=int(model.settings.codes))


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> preparing.Prepared:
    """The recipe's data under `folder`, read and shown as `start` has it if its weights are the beginning."""
    start = start or Given()
    return prepare_data(
        PairKind(("text", "picture"), (start.words, start.picture(recipe.data))), recipe, folder, say, defaults
    )


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return start.picture_settings()


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    recipe = defaults.batches(defaults.resolve_recipe(recipe, *JOINS[recipe.task], OWN), defaults.DRAWINGS)
    return recipe.with_defaults("generate", SAMPLED).with_defaults("train", LEARNT)


def fitted(recipe: Recipe, prepared: preparing.Prepared) -> Recipe:
    """The recipe with what the data decide: tiny gray pictures need no codebook, unless one is asked for.

    Raises HeedfulError for a side that the codebook cannot halve.
    """
    number = codes.fitting(recipe.network.codes, prepared.target.form)
    return replace(recipe, network=replace(recipe.network, codes=number))


def build(recipe: Recipe, prepared: preparing.Prepared, start: Given | None = None) -> Artist:
    """An artist with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    read = reading.Reading(prepared.source, normal_form=recipe.data.normalize)
    return made(recipe.network, read, prepared.target.form)


def made(settings: NetworkSettings, read: reading.Reading, form: Form) -> Artist:
    """An artist of resolved settings."""
    codebook = codes.made(int(settings.codes), settings.size, form)
    writer = writing.made_for(settings, read, codebook.size + codes.FIRST)
    return Artist(Drawing(codebook, writer), settings, read, form)


def first(
    model: Artist, prepared: preparing.Prepared, recipe: Recipe
) -> tuple[Work, TrainSettings, TrainSettings] | None:
    """What is learnt before the rest: the codebook. How it is trained, and what is left then.

    None: there is nothing to learn first, or the codebook is frozen.
    """
    codebook = model.network.codebook
    if isinstance(codebook, GrayLevels) or not any(weight.requires_grad for weight in codebook.parameters()):
        return None
    share = SHARE if recipe.train.codebook == "auto" else float(recipe.train.codebook)
    mine = replace(defaults.portion(recipe.train, share), learning_rate=codes.RATE)
    return codes.learning(codebook, prepared, recipe), mine, defaults.portion(recipe.train, 1 - share)


def work(model: Artist, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs, once the codebook has been learnt."""
    model.network.codebook.requires_grad_(False)
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    sources = training_sources(recipe, prepared.train, prepared.source, model.reading, ())
    device = next(model.network.parameters()).device
    known = codes.coded(model.network.codebook, prepared.target, device)
    dropped = 0.1 if recipe.train.drop_source == "auto" else float(recipe.train.drop_source)

    def plan(epoch: int) -> list[Rows]:
        lengths = np.full_like(prepared.train.lengths, max(known.shape[1], prepared.train.lengths[:, 0].max()))
        return batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch)

    def values() -> dict[str, float]:
        measures = evaluate([model], valid, recipe.generate, samples=0, prepared=prepared).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=plan,
        collate=codes.Collate(sources, known, dropped),
        loss=codes.Loss(recipe.train.label_smoothing),
        score=values,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=sources.where,
    )


def remarks(model: Artist, prepared: preparing.Prepared) -> list[str]:
    """How well the codebook does its part, in words."""
    if isinstance(model.network.codebook, GrayLevels):
        return []
    found = codes.measured(model.network.codebook, prepared.target.of([one.references[0] for one in prepared.valid]))
    return [
        f"the codebook gives the pictures of valid back {found['reconstruction_error']:.1f} % of full brightness off, "
        f"and uses {found['codes_used']:.0f} % of its codes"
    ]


def kind(model: Artist) -> Kind:
    """How answers are scored: by where the right one stands among all."""
    return "ranks"


def answer(models: Sequence[Artist], sources: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
    """The n drawings of each sentence; an answer's text is its codes, its picture a PNG file.

    Guidance above 1 leads away from what would be drawn for no sentence at all (Ho & Salimans 2021, equation 6).
    """
    first = models[0]
    arrays, size = first.reading.arrays(sources), first.network.codebook.positions
    for model in models:
        model.network.eval()
    decoders = [model.network.writer.decoder for model in models] * (1 if settings.guidance == 1 else 2)
    stepper = PlainStepper(decoders, begin(models, settings.guidance != 1), SPECIAL, settings.guidance)
    requests = [Request(one, max(len(one), size), size, reading.source_seed(one)) for one in arrays]
    found = Search(stepper, settings, Rules()).run(requests)
    return [
        [
            Answer(
                source,
                spelt(one.tokens),
                one.score,
                one.normalised,
                unknown=first.reading.unknown(source),
                picture=reading.png(drawn(first, [one.tokens])[0]),
            )
            for one in hypotheses
        ]
        for source, hypotheses in zip(sources, found, strict=True)
    ]


def spelt(tokens: Sequence[int]) -> str:
    """Codes as a text."""
    return " ".join(str(token - codes.FIRST) for token in tokens)


def drawn(model: Artist, tokens: Sequence[Sequence[int]]) -> np.ndarray:
    """Drawings as pictures (N, H, W, C)."""
    device = next(model.network.parameters()).device
    return model.network.codebook.eval().decode(torch.tensor(tokens, device=device) - codes.FIRST).cpu().numpy()


def begin(models: Sequence[Artist], guided: bool) -> Callable[[Sequence[np.ndarray], int, int], tuple[State, ...]]:
    """How the search has sentences read; guided, the empty one after them for each."""

    @torch.inference_mode()
    def read(arrays: Sequence[np.ndarray], beams: int, room: int) -> tuple[State, ...]:
        empty = [np.array([EOS]) for _ in arrays]
        states = []
        for some in (arrays, empty) if guided else (arrays,):
            batch = batch_of(models[0].reading, some)
            for model in models:
                device = next(model.network.parameters()).device
                memory = model.network.writer.read(batch["source"].to(device), batch["lengths"].to(device))
                states.append(model.network.writer.decoder.start(memory, rows=len(arrays) * beams, room=room))
        return tuple(states)

    return read


def together(one: Artist, other: Artist) -> bool:
    """Whether two artists can draw together: they need one codebook, which two runs never share."""
    return isinstance(one.network.codebook, GrayLevels) and isinstance(other.network.codebook, GrayLevels)


def examples(
    model: Artist, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and everything that counts as right."""
    return preparing.examples(files, data, on_bad, pictures=True, exchanged=True)


def evaluate(
    models: Sequence[Artist],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: preparing.Prepared | None = None,
) -> Scores:
    """Where the real picture stands among all of the examples' when they are ordered by nearness to the drawing.

    Nearness is that of pixels: crude, but nobody's opinion. `judged` asks a network that was trained apart.
    """
    album = prepared.target if prepared else None
    return retrieval.by_pixels(examples, drawings(models, examples, settings), models[0].form, album, samples)


def judged(
    models: Sequence[Artist], examples: Sequence[Example], settings: GenerateSettings, judges: Sequence[TrainedMatcher]
) -> Scores:
    """Where the sentence stands among those of all examples, for matchers that look at the drawing.

    Beside it, the same for the real pictures (`ceiling_…`) and for drawings that were exchanged (`floor_…`).
    """
    shown = drawings(models, examples, settings)
    real = read_pictures([example.references[0] for example in examples], models[0].form)
    return retrieval.by_judges(examples, shown, real, judges, settings.batch_tokens)


def drawings(models: Sequence[Artist], examples: Sequence[Example], settings: GenerateSettings) -> np.ndarray:
    """The first drawing of each example, (N, H, W, C)."""
    found = answer(models, [example.source for example in examples], replace(settings, n_best=1))
    return drawn(models[0], [[int(code) + codes.FIRST for code in best[0].output.split()] for best in found])


def baseline(
    model: Artist, prepared: preparing.Prepared, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the picture of the training sentence that is nearest in its letters."""
    train, album = prepared.train, prepared.target
    pairs = [train[row] for row in range(len(train))]
    texts = [prepared.source.decode(words) for words, _ in pairs]
    nearest = baselines.Nearest(texts, [str(int(picture[0])) for _, picture in pairs])
    numbers = np.array([int(number) for number in nearest.answers([example.source for example in examples])])
    scores = retrieval.by_pixels(examples, album.pixels(numbers), model.form, album, 1000)
    return "picture of the nearest training sentence", scores.measures


def prints(model: Artist, scores: Scores) -> Mapping[str, bytes]:
    """The real pictures, as people are shown them."""
    return reading.Prints((one for case in scores.cases for one in case.references), model.form)


def returned(model: Artist, scores: Scores) -> Mapping[str, bytes]:
    """The same as their codes give them back, which is about the best that codes can draw."""
    through = partial(codes.returned, model.network.codebook)
    return reading.Prints((one for case in scores.cases for one in case.references), model.form, through)


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
    return check_pairs(recipe.data)


def config(model: Artist) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizer."""
    return {"network": asdict(model.settings), "picture": model.form.plain()} | model.reading.config()


def save(model: Artist, folder: Path) -> None:
    """Writes the tokenizer; the caller writes config and weights."""
    model.reading.tokenizer.save(folder / "tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Artist:
    """The artist of a folder, with weights still to be put in."""
    read = reading.load_text_reading(config, folder / "tokenizer.json")
    return made(parse_settings(NetworkSettings, config["network"]), read, Form.parse(config["picture"]))


SHOWN = 24  # prompts that a report shows drawings of


def exhibits(models: Sequence[Artist], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: drawings, the real pictures, and these as their codes give them back."""
    drawn = answer(models, [case.source for case in scores.cases[:SHOWN]], settings)
    answers = [drawing for drawings in drawn for drawing in drawings]
    pictures, through_codes = prints(models[0], scores), returned(models[0], scores)
    return Exhibits("drawings", pictures, through_codes, answers=answers)


def manifest(model: Artist, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    source = {"source": describe_source(model.reading, folder)}
    return source | describe_special(SPECIAL) | {"first": codes.FIRST, "length": model.network.codebook.positions}


def graphs(model: Artist, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX, with made-up sources of these lengths."""
    writer = model.network.writer
    sources = made_up_sources(model.reading, lengths, writer.encoder.limit)
    return [*writer_graphs(writer, *sources), paint_graph(model.network.codebook)]
