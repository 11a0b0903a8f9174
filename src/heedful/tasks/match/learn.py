"""match: pictures and texts in one space; what belongs together is near.

N pairs   P pictures   M texts   D width
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from heedful.data import batching
from heedful.data.batch import Batch, padded
from heedful.data.batching import Rows
from heedful.data.pairs import prepared as preparing
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import open_run as opened
from heedful.data.pictures.album import Album
from heedful.data.pictures.read import as_array, to_mode
from heedful.data.pictures.read import fit_square as fit
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.engines.onnx_graphs import Graph, tower_graph
from heedful.errors import HeedfulError
from heedful.hub import Plan
from heedful.metrics.counts import PRIMARY, Kind
from heedful.networks.build import Spec
from heedful.networks.joins import TwoTowers
from heedful.networks.settings import fit_pictures
from heedful.results import Answer, Example, Exhibits, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import inputs as reading
from heedful.tasks.joins import JOINS
from heedful.tasks.made_up import made_up_sources
from heedful.tasks.manifests import describe_source
from heedful.tasks.match.rank import both_ways, by_words, gallery
from heedful.tasks.plans import begun, kept, planned
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.tasks.task import Finder, SourceKind
from heedful.tasks.training_sources import (
    TrainingSources,
    batches_of,
    network_source,
    picture_advice,
    picture_batch,
    pretrained_of,
    reading_of,
    training_sources,
)
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["opened"]

OWN = reading.OWN
AUGMENT = ("shift",)


@dataclass(frozen=True)
class Matcher:
    """Two encoders into one space, with what it takes to read both sides. `texts` are those seen in training."""

    network: TwoTowers
    settings: NetworkSettings
    pictures: reading.Reading
    words: reading.Reading
    texts: tuple[str, ...]
    plan: Plan | None = None


def given(model: Matcher) -> Given:
    """What goes with a matcher's weights."""
    return replace(pretrained_of(model.pictures), words=model.words.tokenizer, plan=model.plan)


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> preparing.Prepared:
    """The recipe's data under `folder`, read as `start` has it if its weights are the beginning."""
    start = start or Given()
    return prepare_data(
        PairKind(("picture", "text"), (start.picture(recipe.data), start.words)), recipe, folder, say, defaults
    )


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return start.picture_settings()


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    return defaults.batches(defaults.resolve_recipe(recipe, *JOINS[recipe.task], OWN), defaults.MATCHED_PICTURES)


def fitted(recipe: Recipe, prepared: preparing.Prepared) -> Recipe:
    """The recipe with what the data decide: how pictures are cut."""
    network = fit_pictures(recipe.network, prepared.source.form.size)
    return replace(recipe, network=network)


def advice(recipe: Recipe, prepared: preparing.Prepared) -> str:
    """What would do better than to begin from nothing with few pictures."""
    return picture_advice(recipe, prepared, "openai/clip-vit-large-patch14")


def build(recipe: Recipe, prepared: preparing.Prepared, start: Given | None = None) -> Matcher:
    """A matcher with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    pictures = reading_of(prepared.source, prepared.train, recipe, start)
    words, train = reading.Reading(prepared.target, normal_form=recipe.data.normalize), prepared.train
    texts = tuple(dict.fromkeys(prepared.target.decode(train[row][1]) for row in range(len(train))))
    plan = begun(start, "match", recipe.network, pixels=pictures.pixels)
    if plan:
        return Matcher(build_network(plan, TwoTowers), recipe.network, pictures, words, texts, plan)
    return made(recipe.network, pictures, words, texts)


def made(
    settings: NetworkSettings, pictures: reading.Reading, words: reading.Reading, texts: tuple[str, ...]
) -> Matcher:
    """A matcher of resolved settings."""
    network = build_network(
        Spec("two_encoders", settings, (network_source(pictures), network_source(words))), TwoTowers
    )
    return Matcher(network, settings, pictures, words, texts)


def work(model: Matcher, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    sources = training_sources(recipe, prepared.train, prepared.source, model.pictures, AUGMENT)

    def values() -> dict[str, float]:
        measures = evaluate([model], valid, recipe.generate, samples=0, prepared=prepared).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: sources.plan(recipe, epoch, together=False),
        collate=Collate(sources, model.words.tokenizer.special_tokens),
        loss=contrast,
        score=values,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=sources.where,
    )


def kind(model: Matcher) -> Kind:
    """How answers are scored: by where the right one stands."""
    return "ranks"


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: pictures, words, and which pairs say the same as another of the batch."""

    sources: TrainingSources
    marks: SpecialTokens

    def __call__(self, rows: Rows) -> Batch:
        pairs = self.sources.pairs(rows)
        words, steps = padded([np.array(self.marks.around(text)) for _, text in pairs])
        pictures = torch.tensor([int(picture[0]) for picture, _ in pairs])
        same = (pictures == pictures.unsqueeze(1)) | (words == words.unsqueeze(1)).all(-1)
        batch = self.sources(rows) | {"words": words, "steps": steps, "same": same.fill_diagonal_(False)}
        return replace(batch, pairwise=frozenset({"same"}))


def contrast(network: TwoTowers, batch: Batch) -> tuple[Tensor, int]:
    """Each picture must find its words among the batch's, and each words their picture (Radford et al. 2021, figure 3).

    Twins, which are right as well, are not counted against each other. In parts, where memory is short, the loss and
    its gradients are the same: what a part is embedded through is computed again in the backward pass.
    """
    pictures, words = (batch["source"], batch["lengths"]), (batch["words"], batch["steps"])
    if batch.parts == 1:
        logits = network(pictures, words)
    else:
        logits = network.compare(*(embed_in_parts(network, side, batch.parts) for side in enumerate((pictures, words))))
    logits = logits.masked_fill(batch["same"], torch.finfo(logits.dtype).min)
    right = torch.arange(len(logits), device=logits.device)
    both = [F.cross_entropy(side, right, reduction="sum") for side in (logits, logits.T)]
    return (both[0] + both[1]) / 2, len(logits)


def embed_in_parts(network: TwoTowers, side: tuple[int, tuple[Tensor, Tensor]], parts: int) -> Tensor:
    """Unit vectors (N, D) of one side, in parts of which only one is ever held with its activations."""
    number, (sources, lengths) = side
    rows = -(-len(sources) // parts)
    pieces = zip(sources.split(rows), lengths.split(rows), strict=True)
    return torch.cat([checkpoint(network.embed, number, *piece, use_reentrant=False) for piece in pieces])


@torch.inference_mode()
def vectors(model: Matcher, side: int, sources: Sequence[str], budget: int, album: Album | None = None) -> Tensor:
    """Unit vectors (N, D) of pictures (side 0) or texts (side 1)."""
    model.network.eval()
    read, device = (model.pictures, model.words)[side], model.network.scale.device
    found = torch.zeros(len(sources), model.network.width)
    limits = [model.network.encoder(side).limit]
    for rows, batch in batches_of(read, sources, budget, limits, album):
        found[rows] = model.network.embed(side, batch["source"].to(device), batch["lengths"].to(device)).cpu()
    return found


@torch.inference_mode()
def seen(model: Matcher, pictures: Iterable[np.ndarray], budget: int) -> Tensor:
    """Unit vectors (N, D) of pictures (H, W, C) that are in no file, made to the form that the network reads."""
    form = model.pictures.form
    images = [to_mode(Image.fromarray(one.squeeze()), form.mode) for one in pictures]
    return of_pixels(model, np.stack([as_array(fit(image, form)) for image in images]), budget)


@torch.inference_mode()
def of_pixels(model: Matcher, pixels: np.ndarray, budget: int) -> Tensor:
    """Unit vectors (N, D) of pictures (N, H, W, C) in the form that the network reads."""
    model.network.eval()
    device = model.network.scale.device
    parts = torch.from_numpy(pixels).split(max(1, budget // model.pictures.positions))
    batches = [picture_batch(model.pictures, part.to(device)) for part in parts]
    return torch.cat([model.network.embed(0, one["source"], one["lengths"].to(device)).cpu() for one in batches])


def worded(model: Matcher, texts: Sequence[str], settings: GenerateSettings) -> Tensor:
    """Unit vectors (M, D) of texts, each put into the templates; of several, the mean (Radford et al. 2021, 3.1.4)."""
    if not settings.template:
        return vectors(model, 1, texts, settings.batch_tokens)
    several = [
        vectors(model, 1, [template.replace("{}", text) for text in texts], settings.batch_tokens)
        for template in settings.template
    ]
    return F.normalize(torch.stack(several).mean(0), dim=-1)


def similarity(
    models: Sequence[Matcher],
    pictures: Sequence[str],
    texts: Sequence[str],
    settings: GenerateSettings,
    album: Album | None = None,
) -> np.ndarray:
    """Cosines (P, M) of pictures and texts; several models give the mean of theirs."""
    sides = [(vectors(one, 0, pictures, settings.batch_tokens, album), worded(one, texts, settings)) for one in models]
    return torch.stack([seen @ said.T for seen, said in sides]).mean(0).numpy()


def answer(models: Sequence[Matcher], sources: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
    """The n best texts of training for each picture; raises HeedfulError where there are none."""
    texts = choices(models, ())
    return chosen(models, similarity(models, sources, texts, settings), sources, texts, settings.n_best)


def choices(models: Sequence[Matcher], among: Sequence[str]) -> list[str]:
    """The texts to choose among: those given, or else those of training; raises HeedfulError if there are none."""
    texts = list(dict.fromkeys(among)) or list(models[0].texts)
    if not texts:
        raise HeedfulError(
            "This model keeps no texts of its own to choose among.", 'Name some, as --among "a cat" "a dog".'
        )
    return texts


def chosen(
    models: Sequence[Matcher], alike: np.ndarray, sources: Sequence[str], texts: Sequence[str], best: int
) -> list[list[Answer]]:
    """The best texts for each picture, given cosines (P, M).

    An answer's score is the logarithm of its share: a softmax over all texts at the learned temperature.
    """
    scale = torch.stack([model.network.scale.exp().clamp(max=100) for model in models]).mean()
    shares = (torch.from_numpy(alike) * scale.detach().cpu()).log_softmax(-1)
    top = shares.topk(min(best, len(texts)), dim=-1)
    found = zip(sources, top.values.tolist(), top.indices.tolist(), strict=True)
    return [
        [Answer(source, texts[int(place)], score, score) for score, place in zip(scores, places, strict=True)]
        for source, scores, places in found
    ]


def score(models: Sequence[Matcher], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The cosine of each (picture, text)."""
    found = similarity(models, [one for one, _ in pairs], [other for _, other in pairs], GenerateSettings())
    return np.diagonal(found).tolist()


def together(one: Matcher, other: Matcher) -> bool:
    """Whether two matchers can answer together: any can, since only cosines are averaged."""
    return True


def examples(
    model: Matcher, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and everything that counts as right."""
    return preparing.examples(files, data, on_bad, pictures=True)


def evaluate(
    models: Sequence[Matcher],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: preparing.Prepared | None = None,
) -> Scores:
    """Where each picture's words stand among all words of the examples, and the other way round; see `both_ways`."""
    pictures, texts, _ = gallery(examples)
    album = prepared.source if prepared else None
    return both_ways(similarity(models, pictures, texts, settings, album), examples, samples)


def baseline(
    model: Matcher, prepared: preparing.Prepared, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: texts ordered by how many words they share with the nearest training picture's."""
    return "nearest training picture", by_words(prepared, examples).measures


def prints(model: Matcher, scores: Scores) -> Mapping[str, bytes]:
    """The pictures of scored examples, as people are shown them."""
    return model.pictures.prints(case.source for case in scores.cases)


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
    return check_pairs(recipe.data)


def config(model: Matcher) -> dict[str, Any]:
    """What `load` must know beside the weights, the tokenizer and the texts."""
    return {"network": asdict(model.settings)} | model.pictures.config() | model.words.config() | kept(model.plan)


def save(model: Matcher, folder: Path) -> None:
    """Writes the tokenizer and the texts; the caller writes config and weights."""
    model.words.tokenizer.save(folder / "tokenizer.json")
    (folder / "texts.json").write_text(json.dumps(model.texts, ensure_ascii=False), encoding="utf-8")


def load(config: dict[str, Any], folder: Path) -> Matcher:
    """The matcher of a folder, with weights still to be put in."""
    pictures = reading.load_reading(config, folder / "tokenizer.json")
    words = reading.load_text_reading(config, folder / "tokenizer.json")
    texts = tuple(json.loads((folder / "texts.json").read_text(encoding="utf-8")))
    settings, plan = parse_settings(NetworkSettings, config["network"]), planned(config)
    if plan:
        return Matcher(build_network(plan, TwoTowers), settings, pictures, words, texts, plan)
    return made(settings, pictures, words, texts)


def source_kind(model: Matcher) -> SourceKind:
    """What the model is asked with."""
    return "picture"


def unknown(model: Matcher, text: str) -> tuple[str, ...]:
    """The pieces of a text that the model's vocabulary does not have."""
    return model.words.unknown(text)


def exhibits(models: Sequence[Matcher], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: the pictures of scored examples."""
    return Exhibits("matches", pictures=prints(models[0], scores))


def manifest(model: Matcher, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    sides = {"pictures": describe_source(model.pictures, folder), "texts": describe_source(model.words, folder)}
    return sides | {"scale": model.network.scale.exp().clamp(max=100).item()}


def graphs(model: Matcher, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX, with made-up sources of these lengths."""
    read, names = (model.pictures, model.words), ("pictures", "texts")
    limits = [encoder.limit for _, encoder in model.network.sides()]
    return [
        tower_graph(model.network, side, names[side], *made_up_sources(read[side], lengths, limits[side]))
        for side in range(2)
    ]


def finder(models: Sequence[Matcher]) -> Finder:
    """What finds pictures by words, and words for pictures."""
    from heedful.tasks.match.search import PictureFinder  # which asks this module for vectors

    return PictureFinder(models)
